// DHCP servers and leases of a cluster as pages show them, and the lines that start and stop servers. Pure.
import type { FleetDhcp, FleetLease, FleetVm } from '../../contract/fleet.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { describeDhcpOptions, type DhcpWords } from '../../core/dhcp/settings.ts';
import { parseIp4 } from '../../core/net/ip4.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';

/** Where a line is typed: other nodes are sent it. */
export interface LineTarget {
  readonly node: string;
  readonly attached: string;
  readonly namespace: string;
}

const lineOn = ({ node, attached, namespace }: LineTarget, line: string): string => {
  const own = inNamespace(namespace, line);
  return node === attached ? own : `mesh send ${quoteWord(node)} ${own}`;
};

export function serveLine(target: LineTarget, vlan: string, words: DhcpWords): string {
  const range = [words.address, words.low, words.high].map(quoteWord).join(' ');
  const options = describeDhcpOptions(words).map((option) => ` ${quoteWord(option)}`);
  return lineOn(target, `dnsmasq serve ${quoteWord(vlan)} ${range}${options.join('')}`);
}

export const stopLine = (target: LineTarget, id: number): string => lineOn(target, `dnsmasq kill ${id}`);

export interface VlanServer {
  readonly key: string;
  readonly server: FleetDhcp;
  /** Name of its node. */
  readonly node: string;
  /** By address. */
  readonly leases: readonly VlanLease[];
}

export interface VlanLease {
  readonly lease: FleetLease;
  /** The VM that has the MAC address; null for none that the cluster knows. */
  readonly vm: FleetVm | null;
  /** Name of its node; empty without one. */
  readonly vmNode: string;
}

export interface DhcpRows {
  readonly dhcp: ReadonlyMap<string, FleetDhcp>;
  readonly leases: ReadonlyMap<string, FleetLease>;
}

/** Servers on a number, by node; with their leases. `vms`: those that may have them. */
export function serversOn(
  vlan: number,
  { dhcp, leases }: DhcpRows,
  { cluster, nameOf, vms }: { cluster: string; nameOf: (id: string) => string; vms: readonly FleetVm[] },
): VlanServer[] {
  const servers = [...dhcp.values()].filter((row) => row.Vlan === vlan && row.Cluster === cluster);
  if (servers.length === 0) return [];
  const byMac = new Map(vms.flatMap((vm) => vm.Macs.map((mac) => [mac.toLowerCase(), vm] as const)));
  return servers
    .map((server) => ({
      key: keyOf(fleetKeys.dhcp, server),
      server,
      node: nameOf(server.Node),
      leases: [...leases.values()]
        .filter(({ Node, Dhcp }) => Node === server.Node && Dhcp === server.Id)
        .sort((a, b) => (parseIp4(a.Ip) ?? 0) - (parseIp4(b.Ip) ?? 0))
        .map((lease) => {
          const vm = byMac.get(lease.Mac) ?? null;
          return { lease, vm, vmNode: vm === null ? '' : nameOf(vm.Node) };
        }),
    }))
    .sort((a, b) => compareNames(a.node, b.node) || a.server.Id - b.server.Id);
}

export const serverStates = {
  running: { tone: 'ok', word: 'running' },
  starting: { tone: 'warn', word: 'starting again' },
  failed: { tone: 'bad', word: 'does not run' },
} as const;
