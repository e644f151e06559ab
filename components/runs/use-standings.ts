'use client';
// How far nodes are, as fleet and console know it now.
import { useMemo } from 'react';
import { useFleetPart, useKnownNodes } from '../../lib/use-console.ts';
import { standingsOf, type Standings } from './standing.ts';

/** Null until both have told. */
export function useStandings(): Standings | null {
  const { status: knownStatus, nodes: known } = useKnownNodes();
  const fleet = useFleetPart(({ view }) => view.nodes);
  const fleetStatus = useFleetPart(({ status }) => status);
  return useMemo(
    () => (knownStatus === 'loading' || fleetStatus === 'loading' ? null : standingsOf(fleet.values(), known.values())),
    [knownStatus, fleetStatus, fleet, known],
  );
}
