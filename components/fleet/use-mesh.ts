'use client';
// The cluster of this page as a MeshView, and the clock its ages are against.
import { useMemo } from 'react';
import { useFleet, useNow } from '../../lib/use-console.ts';
import type { FleetState } from '../../lib/fleet.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { meshView } from './mesh-view.ts';
import type { MeshView } from './mesh-view.ts';

export interface MeshState {
  readonly mesh: MeshView;
  readonly fleet: FleetState;
}

export function useMesh(): MeshState {
  const fleet = useFleet();
  const cluster = useCluster();
  const { nodes, links } = fleet.view;
  const mesh = useMemo(() => meshView({ nodes, links }, cluster), [nodes, links, cluster]);
  return { mesh, fleet };
}

/** The server's clock, read every second: what it dates is as old as `now - At`. */
export function useServerNow(everyMs = 1000): number {
  const { serverOffsetMs } = useFleet();
  return useNow(everyMs) + serverOffsetMs;
}
