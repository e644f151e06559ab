'use client';
// A table of nodes as the URL sorts it, with one selected row and, where acting on many is meant, boxes to tick.
import { useRouter } from 'next/navigation';
import { useMemo, type ReactElement } from 'react';
import type { MeshNode } from '../fleet/mesh-view.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { parseSort, sortText, type Column } from '../table/column.ts';
import { DataTable } from '../table/DataTable.tsx';
import type { DataTableProps } from '../table/table-props.ts';
import { sortedColumns, sortNodes } from './columns.tsx';

export interface NodesTableProps extends Pick<
  DataTableProps<MeshNode>,
  'label' | 'phone' | 'selected' | 'onSelect' | 'marks' | 'onMark'
> {
  /** Those to be listed, by name. */
  nodes: readonly MeshNode[];
  columns: readonly Column<MeshNode>[];
}

const nameOf = ({ name }: MeshNode): string => name;
const isOut = ({ facts }: MeshNode): boolean => facts.State !== 'member';

export function NodesTable({ nodes, columns, ...props }: NodesTableProps): ReactElement {
  const { get, set } = useUrlState();
  const router = useRouter();
  const withCluster = useClusterPath();
  const text = get('sort');
  const sort = useMemo(() => parseSort(sortedColumns, text, 'name'), [text]);
  const rows = useMemo(() => sortNodes(nodes, sort), [nodes, sort]);
  return (
    <DataTable
      {...props}
      columns={columns}
      rows={rows}
      keyOf={nameOf}
      nameOf={nameOf}
      isFaint={isOut}
      sort={sort}
      onSort={(next) => set({ sort: sortText(next) === 'name' ? null : sortText(next) })}
      onOpen={({ name }) => router.push(withCluster(`/nodes/${encodeURIComponent(name)}`))}
    />
  );
}
