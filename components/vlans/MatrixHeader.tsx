'use client';
// The header of the map: what rows are sorted by, and the nodes with what keeps their VMs from others.
import { ArrowDown, ArrowUp, Unplug } from 'lucide-react';
import { memo } from 'react';
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';
import { StateShape } from '../ui/StateMark.tsx';
import { headerHeight, shortNode, widthOf, type FixedColumn } from './matrix-layout.ts';
import { activeCell, type ShownNode } from './MatrixRow.tsx';
import type { VlanSort } from './vlan-choice.ts';
import type { MapNode } from './vlan-view.ts';

export interface MatrixHeaderProps {
  id: string;
  fixed: readonly FixedColumn[];
  nodes: readonly ShownNode[];
  columnWidth: number;
  sort: VlanSort;
  selectedNode: string | null;
  activeColumn: number | null;
}

export const MatrixHeader = memo(function MatrixHeader(props: MatrixHeaderProps): ReactElement {
  const { id, fixed, nodes, columnWidth, sort, selectedNode, activeColumn } = props;
  const cell = 'flex items-center px-2 text-xs font-medium cursor-default';
  return (
    <div
      role="row"
      aria-rowindex={1}
      className="sticky top-0 z-20 flex w-full border-b border-line bg-surface-1"
      style={{ height: headerHeight }}
    >
      <div
        role="presentation"
        className="sticky left-0 z-10 flex border-r border-line-strong bg-surface-1"
        style={{ width: widthOf(fixed) }}
      >
        {fixed.map(({ id: column, title, hint, width, isNumber }, index) => {
          const isSorted = sort.column === column;
          const direction = sort.isDescending ? 'descending' : 'ascending';
          return (
            <div
              key={column}
              id={`${id}--1-${index}`}
              role="columnheader"
              aria-colindex={index + 1}
              aria-sort={isSorted ? direction : 'none'}
              data-row={-1}
              data-column={index}
              title={`${hint}. Sorts by it`}
              style={{ width }}
              className={cx(
                cell,
                'shrink-0 gap-1 hover:text-fg-1',
                isSorted ? 'text-fg-1' : 'text-fg-3',
                isNumber && 'flex-row-reverse',
                index === 0 && 'md:pl-6',
                activeColumn === index && activeCell,
              )}
            >
              {title}
              {isSorted && direction === 'ascending' ? <ArrowUp aria-hidden="true" className="size-3" /> : null}
              {isSorted && direction === 'descending' ? <ArrowDown aria-hidden="true" className="size-3" /> : null}
            </div>
          );
        })}
      </div>
      {nodes.map(({ node, index, start }) => (
        <div
          key={node.id}
          id={`${id}--1-${fixed.length + index}`}
          role="columnheader"
          aria-colindex={fixed.length + index + 1}
          aria-selected={node.id === selectedNode}
          data-row={-1}
          data-column={fixed.length + index}
          title={describeNode(node)}
          style={{ left: start, width: columnWidth }}
          className={cx(
            cell,
            'absolute inset-y-0 justify-center gap-1 font-mono hover:text-fg-1',
            node.id === selectedNode ? 'bg-accent-soft text-fg-1' : 'text-fg-2',
            activeColumn === fixed.length + index && activeCell,
          )}
        >
          {node.state === 'member' ? null : <StateShape state={node.state === 'absent' ? 'lost' : 'bad'} />}
          {shortNode(node.name)}
          {node.uplink === '' ? <Unplug aria-hidden="true" className="size-3 shrink-0 text-warn" /> : null}
          <span className="sr-only">{describeNode(node).slice(node.name.length)}</span>
        </div>
      ))}
    </div>
  );
});

/** `node3: not in the mesh, no uplink`. */
export function describeNode({ name, state, bridge, uplink }: MapNode): string {
  const facts = [
    ...(state === 'member' ? [] : [state === 'absent' ? 'not in the mesh' : 'revoked']),
    ...(bridge === null || uplink === null
      ? []
      : [uplink === '' ? 'no uplink: its VMs meet no other node' : `all VLANs pass ${uplink} of ${bridge}`]),
  ];
  return facts.length === 0 ? name : `${name}: ${facts.join(', ')}`;
}
