'use client';
// `mesh list`: the same nodes as the picture's, those that a search found.
import { useMemo, type ReactElement } from 'react';
import type { Readable } from '../../lib/observable.ts';
import { useReadable } from '../../lib/use-console.ts';
import { emptyMesh, type MeshView } from '../fleet/mesh-view.ts';
import { searchNodes } from '../fleet/search.ts';
import { useServerNow } from '../fleet/use-mesh.ts';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { NodesTable } from '../nodes/NodesTable.tsx';
import type { ColumnName } from '../nodes/columns.tsx';

const tableColumns: readonly ColumnName[] = ['name', 'state', 'links', 'peers', 'version'];
const besideColumns: readonly ColumnName[] = ['name', 'state', 'links', 'peers'];

interface MeshTableProps {
  source: Readable<MeshView>;
  /** Beside the picture, where it is narrow. */
  isBeside: boolean;
  selected: string;
  onSelect: (name: string | null) => void;
}

export function MeshTable({ source, isBeside, selected, onSelect }: MeshTableProps): ReactElement {
  const mesh = useReadable(source, emptyMesh);
  const now = useServerNow();
  const { get, set } = useUrlState();
  const search = get('q');
  const isPhone = useMedia(phoneScreen);
  const nodes = useMemo(() => searchNodes(mesh.nodes, search), [mesh.nodes, search]);
  return (
    <NodesTable
      label="Nodes of the mesh with their peers"
      mesh={mesh}
      nodes={nodes}
      show={isBeside && !isPhone ? besideColumns : tableColumns}
      sort={get('sort')}
      onSort={(sort) => set({ sort: sort === 'name' ? null : sort })}
      selected={selected}
      onSelect={onSelect}
      now={now}
    />
  );
}
