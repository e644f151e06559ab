'use client';
// The map: a row for each VLAN, a column for each node, and in a cell the VMs of one on the other. Rows and columns are virtual both
// ways; names stay in sight. One stop for the keyboard: arrows move a cell, Enter selects it, on a header it sorts or selects the node.
import { useMemo, type ReactElement } from 'react';
import type { ProbeMarks } from '../probe/probe-marks.ts';
import { MatrixHeader } from './MatrixHeader.tsx';
import { MatrixRow, type ShownNode } from './MatrixRow.tsx';
import { fixedColumns, nodeWidth, widthOf, type GridPlace } from './matrix-layout.ts';
import { useMatrix } from './use-matrix.ts';
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
  const fixed = useMemo(() => fixedColumns(hasNamespaces), [hasNamespaces]);
  const fixedWidth = widthOf(fixed);
  const columnWidth = useMemo(() => nodeWidth(nodes), [nodes]);
  const actOn = (at: GridPlace): void => {
    const column = fixed[at.column];
    const onNode = nodes[at.column - fixed.length]?.id ?? null;
    const onVlan = vlans[at.row]?.key ?? null;
    if (at.row < 0 && column) onSort(column.id);
    else if (onVlan === vlan && onNode === node) onSelect(null, null);
    else onSelect(onVlan, onNode);
  };
  const { id, place, rows, columns, size, grid } = useMatrix({
    ...{ rows: vlans.length, columns: nodes.length, fixed: fixed.length, fixedWidth, columnWidth },
    hasHeader: true,
    begin: { row: 0, column: 0 },
    onAct: actOn,
  });
  const shownKey = columns.map(({ index }) => index).join();
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

  return (
    <div
      {...grid}
      aria-label="VLANs by node"
      className="group/grid relative min-h-0 flex-1 scroller text-sm outline-none"
    >
      <div className="relative min-w-full" style={size}>
        <MatrixHeader
          id={id}
          fixed={fixed}
          nodes={shownNodes}
          columnWidth={columnWidth}
          sort={sort}
          selectedNode={node}
          activeColumn={place.row < 0 ? place.column : null}
        />
        {rows.map(({ index, start }) => {
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
