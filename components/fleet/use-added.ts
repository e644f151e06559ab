'use client';
// The nodes that were added and run no meshd yet.
import { useMemo } from 'react';
import { useFleetPart, useKnownNodes } from '../../lib/use-console.ts';
import { addedNodes } from './added-nodes.ts';
import type { MeshNode } from './mesh-view.ts';

export function useAddedNodes(): readonly MeshNode[] {
  const { nodes: known } = useKnownNodes();
  const fleet = useFleetPart(({ view }) => view.nodes);
  const status = useFleetPart((state) => state.status);
  // Before the fleet is there each of them would seem to be in no mesh.
  return useMemo(
    () => (status === 'loading' ? [] : addedNodes(known.values(), fleet.values())),
    [known, fleet, status],
  );
}
