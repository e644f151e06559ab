'use client';
// How far nodes are, as fleet and console know it now.
import { useMemo } from 'react';
import { useFleetPart, useKnownNodes } from '../../lib/use-console.ts';
import { standingsOf, type Standings } from './standing.ts';

/** Null until both have told. */
export function useStandings(): Standings | null {
  const { status: knownStatus, nodes: known } = useKnownNodes();
  const nodes = useFleetPart(({ view }) => view.nodes);
  const bridges = useFleetPart(({ view }) => view.bridges);
  const fleetStatus = useFleetPart(({ status }) => status);
  return useMemo(
    () =>
      knownStatus === 'loading' || fleetStatus === 'loading' ? null : standingsOf({ nodes, bridges }, known.values()),
    [knownStatus, fleetStatus, nodes, bridges, known],
  );
}
