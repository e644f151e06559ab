'use client';
// The VLANs of this page's cluster.
import { useMemo } from 'react';
import { useRetainedFleet } from '../../lib/use-console.ts';
import { clusterKey } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { FleetVlans, noVlans, type VlanSource } from './vlan-source.ts';

/** To be followed: `useReadable` renders again with each change. */
export function useVlanSource(): VlanSource {
  const fleet = useRetainedFleet();
  const { get } = useUrlState();
  const wanted = get(clusterKey);
  return useMemo(() => (fleet === null ? noVlans : new FleetVlans(wanted, { fleet })), [fleet, wanted]);
}
