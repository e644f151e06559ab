'use client';
// The cluster that the pages are about: the one that the URL names, else the first. Links of the frame keep it.
import { useCallback } from 'react';
import type { FleetCluster } from '../../contract/fleet.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useUrlState } from './use-url-state.ts';

const key = 'cluster';

/** The one that is wanted, by id or context, else the first; null while none is known. */
export function clusterOf({ clusters }: Pick<FleetView, 'clusters'>, wanted: string): FleetCluster | null {
  return clusters.find((cluster) => cluster.Id === wanted || cluster.Context === wanted) ?? clusters[0] ?? null;
}

/** Null while none is known. */
export function useCluster(): FleetCluster | null {
  const { get } = useUrlState();
  const wanted = get(key);
  return useFleetPart(({ view }) => clusterOf(view, wanted));
}

/** Paths with the cluster of this page in them. */
export function useClusterPath(): (path: string) => string {
  const { get } = useUrlState();
  const wanted = get(key);
  return useCallback(
    (path: string) => {
      if (wanted === '') return path;
      const [before = '', after = ''] = path.split('?');
      const params = new URLSearchParams(after);
      params.set(key, wanted);
      return `${before}?${params.toString()}`;
    },
    [wanted],
  );
}

/** What a cluster is called: its context, or the start of its id. */
export function clusterName(cluster: FleetCluster): string {
  return cluster.Context === '' ? cluster.Id.slice(0, 8) : cluster.Context;
}

export const clusterKey = key;
