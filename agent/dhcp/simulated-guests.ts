// Guests of a simulated node ask for addresses, so that pages show leases: each NIC of a VM that runs, on a VLAN that this node serves.
import { describeIp4, parseIp4 } from '../../core/net/ip4.ts';
import type { MemoryDhcp } from '../../host/dhcp/memory-dhcp.ts';
import type { LocalVms } from '../vms/local-vms.ts';
import type { NodeDhcp } from './node-dhcp.ts';

/** @returns how to stop it */
export function askForSimulated(
  servers: MemoryDhcp,
  {
    vms,
    dhcp,
    now,
  }: { vms: Pick<LocalVms, 'list' | 'onChange'>; dhcp: Pick<NodeDhcp, 'list' | 'onChange'>; now: () => number },
): () => void {
  const given = new Map<string, number>();
  const look = () => {
    for (const { record, state } of dhcp.list(null)) {
      if (state !== 'running') continue;
      const low = parseIp4(record.settings.low) ?? 0;
      for (const vm of vms.list(null)) {
        for (const { vlan, mac } of vm.nets) {
          const key = `${record.id} ${mac}`;
          if (vm.state !== 'RUNNING' || vlan !== record.vlan || given.has(key)) continue;
          const number = given.size;
          given.set(key, number);
          const expiresAtMs = now() + record.settings.leaseSeconds * 1_000;
          servers.give(record.id, { mac, ip: describeIp4(low + number), name: vm.name, expiresAtMs });
        }
      }
    }
  };
  const ends = [vms.onChange(look), dhcp.onChange(look)];
  return () => {
    for (const end of ends) end();
  };
}
