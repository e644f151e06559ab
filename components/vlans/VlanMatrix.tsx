'use client';
// The map: a row for each VLAN, a column for each node, and in a cell the VMs of one on the other. Rows and columns are virtual both
// ways; names stay in sight. One stop for the keyboard: arrows move a cell, Enter selects it, on a header it sorts or selects the node.
import { useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useId, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, ReactElement } from 'react';
import type { ProbeMarks } from '../probe/probe-marks.ts';
import { MatrixHeader } from './MatrixHeader.tsx';
import { MatrixRow, type ShownNode } from './MatrixRow.tsx';
import {
  fixedColumns,
  headerHeight,
  nodeWidth,
  placeAfter,
  rowHeight,
  widthOf,
  type GridPlace,
} from './matrix-layout.ts';
import type { VlanSort } from './vlan-choice.ts';
import type { MapNode, MapVlan } from './vlan-view.ts';

export interface VlanMatrixProps {
  /** In the order in which they are shown. */
  vlans: readonly MapVlan[];
  nodes: readonly MapNode[];
  hasNamespaces: boolean;
  sort: VlanSort;
  onSort: (column: VlanSort['column']) => void;
  /** Key of the selected VLAN and id of the selected node; null: none. */
  vlan: string | null;
  node: string | null;
  onSelect: (vlan: string | null, node: string | null) => void;
  /** Rows of other namespaces are faint; null: none are. */
  brushed: string | null;
  /** Of the last probe; null: nobody probed. */
  marks: ProbeMarks | null;
}

export function VlanMatrix(props: VlanMatrixProps): ReactElement {
  'use no memo';
  const { vlans, nodes, hasNamespaces, sort, onSort, vlan, node, onSelect, brushed, marks } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<GridPlace>({ row: 0, column: 0 });
  const fixed = useMemo(() => fixedColumns(hasNamespaces), [hasNamespaces]);
  const fixedWidth = widthOf(fixed);
  const columnWidth = useMemo(() => nodeWidth(nodes), [nodes]);
  const place = { row: Math.min(active.row, vlans.length - 1), column: active.column };

  // The active cell stays in the document while it is out of sight: it is what a screen reader is on.
  const rows = useVirtualizer({
    count: vlans.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    paddingStart: headerHeight,
    scrollPaddingStart: headerHeight,
    overscan: 8,
    rangeExtractor: (range) => shownIndexes(range, place.row),
  });
  const columns = useVirtualizer({
    horizontal: true,
    count: nodes.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => columnWidth,
    paddingStart: fixedWidth,
    scrollPaddingStart: fixedWidth,
    overscan: 3,
    rangeExtractor: (range) => shownIndexes(range, place.column - fixed.length),
  });
  const shownColumns = columns.getVirtualItems();
  const shownKey = shownColumns.map(({ index }) => index).join();
  const shownNodes = useMemo(
    () =>
      shownKey === ''
        ? []
        : shownKey.split(',').flatMap((text): ShownNode[] => {
            const index = Number(text);
            const of = nodes[index];
            return of ? [{ node: of, index, start: fixedWidth + index * columnWidth }] : [];
          }),
    [shownKey, nodes, fixedWidth, columnWidth],
  );

  const show = (next: GridPlace): void => {
    setActive(next);
    if (next.row >= 0) rows.scrollToIndex(next.row);
    if (next.column >= fixed.length) columns.scrollToIndex(next.column - fixed.length);
  };
  const actOn = (at: GridPlace): void => {
    const column = fixed[at.column];
    const onNode = nodes[at.column - fixed.length]?.id ?? null;
    const onVlan = vlans[at.row]?.key ?? null;
    if (at.row < 0 && column) onSort(column.id);
    else if (onVlan === vlan && onNode === node) onSelect(null, null);
    else onSelect(onVlan, onNode);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') actOn(place);
    else {
      const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
      const counts = { rows: vlans.length, columns: fixed.length + nodes.length, page };
      const next = placeAfter(place, event, counts);
      if (next === null) return;
      show(next);
    }
    event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    if (!(event.target instanceof Element)) return;
    // Beside its last node a row is the VLAN alone.
    const row = event.target.closest('[role=row][aria-selected]');
    const cell = event.target.closest<HTMLElement>('[data-column]') ?? row?.querySelector<HTMLElement>('[data-column]');
    if (!cell) return;
    const at = { row: Number(cell.dataset['row']), column: Number(cell.dataset['column']) };
    setActive(at);
    actOn(at);
  };

  return (
    <div
      ref={scroller}
      role="grid"
      aria-label="VLANs by node"
      aria-rowcount={vlans.length + 1}
      aria-colcount={fixed.length + nodes.length}
      aria-activedescendant={cellId(id, place)}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onClick={onClick}
      className="group/grid relative min-h-0 flex-1 scroller text-sm outline-none"
    >
      <div className="relative min-w-full" style={{ height: rows.getTotalSize(), width: columns.getTotalSize() }}>
        <MatrixHeader
          id={id}
          fixed={fixed}
          nodes={shownNodes}
          columnWidth={columnWidth}
          sort={sort}
          selectedNode={node}
          activeColumn={place.row < 0 ? place.column : null}
        />
        {rows.getVirtualItems().map(({ index, start }) => {
          const of = vlans[index];
          if (!of) return null;
          return (
            <MatrixRow
              key={of.key}
              id={id}
              index={index}
              start={start}
              vlan={of}
              fixed={fixed}
              nodes={shownNodes}
              columnWidth={columnWidth}
              isSelected={of.key === vlan}
              selectedNode={node}
              activeColumn={place.row === index ? place.column : null}
              isFaint={brushed !== null && of.namespace !== brushed}
              marks={marks?.on(of.vlan) ?? null}
            />
          );
        })}
      </div>
    </div>
  );
}

export const cellId = (grid: string, { row, column }: GridPlace): string => `${grid}-${row}-${column}`;

function shownIndexes({ startIndex, endIndex, overscan, count }: Range, extra: number): number[] {
  const first = Math.max(0, startIndex - overscan);
  const last = Math.min(count - 1, endIndex + overscan);
  const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  if (extra < 0 || extra >= count || (extra >= first && extra <= last)) return indexes;
  return extra < first ? [extra, ...indexes] : [...indexes, extra];
}
