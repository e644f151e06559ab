'use client';
// A line of the command language, ready to be pasted into a shell of a node: as the cluster of the page is asked.
import { useCallback } from 'react';
import { shellCommand } from '../../core/plans/step.ts';
import { useCluster } from '../frame/use-cluster.ts';

export function useShellCommand(): (line: string) => string {
  const engine = useCluster()?.Engine ?? 'meshd';
  return useCallback((line: string) => shellCommand(engine, line), [engine]);
}
