'use client';
// The DHCP servers on a VLAN of this page's cluster, live.
import { useMemo } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { serversOn, type VlanServer } from './dhcp-view.ts';

/** `vms`: those that may have leases. The same list as long as nothing in it changed. */
export function useServersOn(vlan: number, vms: readonly FleetVm[]): readonly VlanServer[] {
  const cluster = useCluster()?.Id ?? '';
  const dhcp = useFleetPart(({ view }) => rowsOf(view, fleetKeys.dhcp));
  const leases = useFleetPart(({ view }) => rowsOf(view, fleetKeys.leases));
  const nodes = useFleetPart(({ view }) => view.nodes);
  return useMemo(
    () => serversOn(vlan, { dhcp, leases }, { cluster, nameOf: (id) => nodes.get(id)?.Name ?? id, vms }),
    [vlan, dhcp, leases, nodes, cluster, vms],
  );
}
