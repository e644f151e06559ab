'use client';
// `mesh list`: the same nodes as the picture's, those that a search found.
import { useMemo, type ReactElement } from 'react';
import type { Readable } from '../../lib/observable.ts';
import { useReadable } from '../../lib/use-console.ts';
import { emptyMesh, type MeshNode, type MeshView } from '../fleet/mesh-view.ts';
import { searchNodes } from '../fleet/search.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { NodesTable } from '../nodes/NodesTable.tsx';
import { meshColumns, meshLines } from '../nodes/columns.tsx';

interface MeshTableProps {
  source: Readable<MeshView>;
  /** Beside the picture, where it is narrow. */
  isBeside: boolean;
  selected: string;
  onSelect: (name: string | null) => void;
}

export function MeshTable({ source, isBeside, selected, onSelect }: MeshTableProps): ReactElement {
  const mesh = useReadable(source, emptyMesh);
  const search = useUrlState().get('q');
  const nodes = useMemo(() => searchNodes(mesh.nodes, search), [mesh.nodes, search]);
  const { columns, phone } = useMemo(() => {
    // All nodes are other objects when one has another name (mesh-view.ts): until then, rows have the peers that they had.
    const nameOf = (id: string): string => source.get().byId.get(id)?.name ?? id;
    return { columns: meshColumns(nameOf, isBeside), phone: (node: MeshNode) => meshLines(node, nameOf) };
  }, [source, isBeside]);
  return (
    <NodesTable
      label="Nodes of the mesh with their peers"
      columns={columns}
      phone={phone}
      nodes={nodes}
      selected={selected}
      onSelect={onSelect}
    />
  );
}
