'use client';
// The paths of one VLAN: a row for each node that sends, a column for each that receives. Virtual both ways, names stay in sight. One stop for the
// keyboard: arrows move a cell, Enter selects its path.
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';
import { headerHeight, rowHeight, shortNode, type GridPlace } from '../vlans/matrix-layout.ts';
import { cellId, useMatrix } from '../vlans/use-matrix.ts';
import { pathWord, type VlanVerdicts } from './path-verdicts.ts';
import { VerdictShape } from './verdict-looks.tsx';

export interface ProbedPath {
  readonly from: string;
  readonly to: string;
}

export interface ProbeMatrixProps {
  verdicts: VlanVerdicts;
  selected: ProbedPath | null;
  onSelect: (path: ProbedPath | null) => void;
}

const characterWidth = 7.3;
const mostCharacters = 14;
const activeCell =
  'group-focus-visible/grid:outline-2 group-focus-visible/grid:-outline-offset-2 group-focus-visible/grid:outline-accent';

export function ProbeMatrix({ verdicts, selected, onSelect }: ProbeMatrixProps): ReactElement {
  'use no memo';
  const { nodes, vlan } = verdicts;
  const longest = nodes.reduce((most, { name }) => Math.max(most, Math.min(mostCharacters, name.length)), 0);
  const columnWidth = Math.max(44, Math.ceil(longest * characterWidth) + 16);
  const fixedWidth = Math.max(72, Math.ceil(longest * characterWidth) + 28);
  const choose = (at: GridPlace): void => {
    const [from, to] = [nodes[at.row]?.name, nodes[at.column]?.name];
    if (from === undefined || to === undefined || from === to) return;
    onSelect(selected?.from === from && selected.to === to ? null : { from, to });
  };
  const { id, place, rows, columns, size, grid } = useMatrix({
    ...{ rows: nodes.length, columns: nodes.length, fixed: 0, fixedWidth, columnWidth },
    hasHeader: false,
    begin: { row: 0, column: 1 },
    onAct: choose,
  });
  const shown = columns.flatMap(({ index, start }) => {
    const node = nodes[index];
    return node ? [{ index, start, name: node.name }] : [];
  });

  return (
    <div
      {...grid}
      aria-label={`Paths on VLAN ${vlan}: a row for each node that sends, a column for each that receives`}
      aria-colcount={nodes.length + 1}
      className="group/grid relative max-h-[60vh] max-w-full self-start scroller border-r border-b text-sm outline-none"
    >
      <div className="relative" style={size}>
        <div role="row" aria-rowindex={1} className="sticky top-0 z-20 bg-surface-1" style={{ height: headerHeight }}>
          <div
            role="columnheader"
            aria-colindex={1}
            className="sticky left-0 z-10 flex h-full items-center border-r border-b border-line-strong bg-surface-1 pl-3 text-xs text-fg-3"
            style={{ width: fixedWidth }}
          >
            from \ to
          </div>
          {shown.map(({ index, start, name }) => (
            <div
              key={name}
              role="columnheader"
              aria-colindex={index + 2}
              title={name}
              style={{ left: start, width: columnWidth }}
              className={cx(
                'absolute inset-y-0 flex items-center justify-center border-b border-line-strong font-mono text-xs font-medium',
                selected?.to === name ? 'bg-accent-soft text-fg-1' : 'text-fg-2',
              )}
            >
              {shortNode(name)}
            </div>
          ))}
        </div>
        {rows.map(({ index, start }) => {
          const from = nodes[index]?.name;
          if (from === undefined) return null;
          return (
            <div
              key={from}
              role="row"
              aria-rowindex={index + 2}
              style={{ top: start, height: rowHeight }}
              className="absolute left-0 w-full border-b border-line hover:bg-surface-2"
            >
              <div
                role="rowheader"
                aria-colindex={1}
                title={from}
                style={{ width: fixedWidth }}
                className={cx(
                  'sticky left-0 z-10 flex h-full items-center border-r border-line-strong pl-3 font-mono',
                  selected?.from === from ? 'bg-accent-soft' : 'bg-surface-1',
                )}
              >
                {shortNode(from)}
              </div>
              {shown.map(({ index: column, start: left, name: to }) => (
                <Cell
                  key={to}
                  id={cellId(id, { row: index, column })}
                  at={{ row: index, column }}
                  path={{ from, to }}
                  verdicts={verdicts}
                  isSelected={selected?.from === from && selected.to === to}
                  isActive={place.row === index && place.column === column}
                  style={{ left, width: columnWidth }}
                />
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface CellProps {
  id: string;
  at: GridPlace;
  path: ProbedPath;
  verdicts: VlanVerdicts;
  isSelected: boolean;
  isActive: boolean;
  style: { left: number; width: number };
}

function Cell({ id, at, path: { from, to }, verdicts, isSelected, isActive, style }: CellProps): ReactElement {
  const isItself = from === to;
  const verdict = verdicts.of(from, to);
  const word = isItself ? 'the node itself' : pathWord(verdict, verdicts.badOf(from, to)?.arrivedOn);
  return (
    <div
      id={id}
      role="gridcell"
      aria-colindex={at.column + 2}
      aria-selected={isSelected}
      aria-label={isItself ? `${from} itself` : `${from} to ${to}: ${word}`}
      title={isItself ? undefined : `${from} to ${to}: ${word}`}
      data-row={at.row}
      data-column={at.column}
      style={style}
      className={cx(
        'absolute inset-y-0 flex items-center justify-center border-l border-line',
        !isItself && 'cursor-default',
        isItself && 'bg-surface-2 text-fg-3',
        isSelected && 'bg-accent-soft outline-2 -outline-offset-2 outline-accent',
        isActive && activeCell,
      )}
    >
      {isItself ? <span aria-hidden="true">·</span> : <VerdictShape verdict={verdict} />}
    </div>
  );
}
