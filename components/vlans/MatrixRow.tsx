'use client';
// A VLAN in the map. It is rendered again only when it became another object, other columns came into sight, or it was marked.
import { memo } from 'react';
import type { ReactElement } from 'react';
import { markWords, type NodeMarks } from '../probe/probe-marks.ts';
import { cx } from '../ui/cx.ts';
import { FlagMarks } from './FlagMarks.tsx';
import { rowHeight, widthOf, type FixedColumn } from './matrix-layout.ts';
import { VlanCell } from './VlanCell.tsx';
import type { MapNode, MapVlan } from './vlan-view.ts';
import { shortName } from './vlan-words.ts';
import { describeVms } from './vm-count.ts';

/** A node whose column is in sight. */
export interface ShownNode {
  readonly node: MapNode;
  readonly index: number;
  /** Pixels from the left. */
  readonly start: number;
}

/** Of the cell that the keyboard is on. */
export const activeCell =
  'group-focus-visible/grid:outline-2 group-focus-visible/grid:-outline-offset-2 group-focus-visible/grid:outline-accent';

export interface MatrixRowProps {
  id: string;
  index: number;
  start: number;
  vlan: MapVlan;
  fixed: readonly FixedColumn[];
  nodes: readonly ShownNode[];
  columnWidth: number;
  isSelected: boolean;
  selectedNode: string | null;
  activeColumn: number | null;
  isFaint: boolean;
  /** What the last probe says of this VLAN on each node; null: it was not probed. */
  marks: NodeMarks | null;
}

export const MatrixRow = memo(function MatrixRow(props: MatrixRowProps): ReactElement {
  const { id, index, start, vlan, fixed, nodes, columnWidth, isSelected, selectedNode, activeColumn, isFaint } = props;
  const { marks } = props;
  const ground = isSelected ? 'bg-accent-soft' : 'bg-surface-1 group-hover/row:bg-surface-2';
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      style={{ top: start, height: rowHeight }}
      className={cx('group/row absolute left-0 flex w-full cursor-default border-b border-line', ground)}
    >
      <div
        role="presentation"
        className={cx('sticky left-0 z-10 flex border-r border-r-line-strong', ground)}
        style={{ width: widthOf(fixed) }}
      >
        {fixed.map(({ id: column, width, isNumber }, at) => (
          <div
            key={column}
            id={`${id}-${index}-${at}`}
            role={at === 0 ? 'rowheader' : 'gridcell'}
            aria-colindex={at + 1}
            data-row={index}
            data-column={at}
            style={{ width }}
            className={cx(
              'flex shrink-0 items-center gap-2 overflow-hidden px-2 whitespace-nowrap',
              isNumber && 'justify-end font-mono numbers',
              at === 0 && 'md:pl-6',
              isFaint && '*:opacity-35',
              activeColumn === at && activeCell,
            )}
          >
            <FixedCell column={column} vlan={vlan} />
          </div>
        ))}
      </div>
      {nodes.map(({ node, index: at, start: left }) => {
        const count = vlan.cells.get(node.id) ?? null;
        const mark = marks?.get(node.name) ?? null;
        const words = [
          count === null ? 'no VMs' : describeVms(count),
          ...(mark === null ? [] : [markWords(mark)]),
        ].join('; ');
        const isMarked = node.id === selectedNode;
        return (
          <div
            key={node.id}
            id={`${id}-${index}-${fixed.length + at}`}
            role="gridcell"
            aria-colindex={fixed.length + at + 1}
            aria-selected={isSelected && isMarked}
            aria-label={words}
            title={count === null && mark === null ? undefined : `${shortName(vlan)} on ${node.name}: ${words}`}
            data-row={index}
            data-column={fixed.length + at}
            style={{ left, width: columnWidth }}
            className={cx(
              'absolute inset-y-0 flex items-center justify-center border-l border-line',
              isMarked && 'bg-accent-soft',
              isSelected && isMarked && 'outline-2 -outline-offset-2 outline-accent',
              isFaint && '*:opacity-35',
              activeColumn === fixed.length + at && activeCell,
            )}
          >
            <VlanCell count={count} mark={mark} />
          </div>
        );
      })}
    </div>
  );
});

function FixedCell({ column, vlan }: { column: FixedColumn['id']; vlan: MapVlan }): ReactElement {
  switch (column) {
    case 'alias':
      return (
        <>
          <span className="min-w-0 truncate font-mono font-medium" title={vlan.alias}>
            {vlan.alias === '' ? <span className="text-fg-3">–</span> : vlan.alias}
          </span>
          <FlagMarks vlan={vlan} />
        </>
      );
    case 'vlan':
      return <span>{vlan.vlan}</span>;
    case 'namespace':
      return (
        <span className="truncate text-fg-2" title={vlan.namespace}>
          {vlan.namespace === '' ? <span className="text-fg-3">–</span> : vlan.namespace}
        </span>
      );
    case 'vms':
      return <span className={vlan.sum.total === 0 ? 'text-fg-3' : ''}>{vlan.sum.total}</span>;
  }
}
