'use client';
// The cluster of this page as a MeshView, and the clock its ages are against.
import { useMemo } from 'react';
import { useEarlyFleetPart, useFleetPart, useNow, useReadable, useRetainedFleet } from '../../lib/use-console.ts';
import type { FleetState } from '../../lib/fleet.ts';
import type { Readable } from '../../lib/observable.ts';
import { clusterKey } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { MeshSource } from './mesh-source.ts';
import { emptyMesh } from './mesh-view.ts';
import type { MeshView } from './mesh-view.ts';

export interface MeshState {
  readonly mesh: MeshView;
  readonly status: FleetState['status'];
  /** The same mesh, for what follows it without being rendered each time: the picture. */
  readonly source: Readable<MeshView>;
}

const noMesh: Readable<MeshView> = { get: () => emptyMesh, subscribe: () => () => undefined };

/** The mesh of this page's cluster, to be followed, before VMs and VLANs are there; `useReadablePart` renders what depends on a part of it. */
export function useMeshSource(): Readable<MeshView> {
  const fleet = useRetainedFleet();
  const { get } = useUrlState();
  const wanted = get(clusterKey);
  return useMemo(() => (fleet === null ? noMesh : new MeshSource(wanted, { fleet: fleet.early })), [fleet, wanted]);
}

/** Rendered again at each change of the cluster: ten times a second where much happens. */
export function useMesh(): MeshState {
  const source = useMeshSource();
  const mesh = useReadable(source, emptyMesh);
  const status = useFleetPart((state) => state.status);
  return { mesh, status, source };
}

/** The server's clock, read every second: what it dates is as old as `now - At`. */
export function useServerNow(everyMs = 1000): number {
  const serverOffsetMs = useEarlyFleetPart((state) => state.serverOffsetMs);
  return useNow(everyMs) + serverOffsetMs;
}
