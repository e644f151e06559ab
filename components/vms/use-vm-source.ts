'use client';
// The VMs of this page's cluster, to be followed.
import { useMemo } from 'react';
import { useRetainedFleet } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { VmSource, type VmTable } from './vm-source.ts';

export const noVms: VmTable = {
  rows: [],
  counts: { states: new Map(), namespaces: new Map(), nodes: new Map() },
  total: 0,
};

/** Null while no cluster is known. */
export function useVmSource(): VmSource | null {
  const fleet = useRetainedFleet();
  const cluster = useCluster()?.Id ?? '';
  return useMemo(() => {
    if (fleet === null || cluster === '') return null;
    return new VmSource(cluster, { fleet, onFrame: (run) => void requestAnimationFrame(run) });
  }, [fleet, cluster]);
}
