'use client';
// What the engine of the cluster of this page cannot do.
import { useCluster } from '../frame/use-cluster.ts';
import { lackOf } from './lack.ts';

/** Why it cannot do it; empty when it can. */
export function useLack(what: string): string {
  return lackOf(useCluster(), what);
}
