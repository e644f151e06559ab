'use client';
// Leases of NICs, for pages of VMs, which need no more of DHCP.
import type { FleetLease } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useFleetPart } from '../../lib/use-console.ts';

export function useLeases(): ReadonlyMap<string, FleetLease> {
  return useFleetPart(({ view }) => rowsOf(view, fleetKeys.leases));
}

/** What a NIC was given on its VLAN; null for nothing. The newest counts, where two servers gave it one. */
export function leaseOf(leases: Iterable<FleetLease>, nic: { mac: string; vlan: number }): FleetLease | null {
  const mac = nic.mac.toLowerCase();
  let found: FleetLease | null = null;
  for (const lease of leases)
    if (lease.Mac === mac && lease.Vlan === nic.vlan && lease.Expires > (found?.Expires ?? -1)) found = lease;
  return found;
}
