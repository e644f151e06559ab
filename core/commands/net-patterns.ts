// The commands about the networks of VMs beside their NICs: interfaces of the node itself, mirrors, DHCP, and what happens to frames on their way. minimega's
// patterns [facts, appendix A]; ours are `tap mirror` alone, `dnsmasq serve`, `dnsmasq info` and `dnsmasq leases`. Rows of the one table (table.ts).
//
// Role: an interface of the node lets guests reach the node, so making one is an admin's. A DHCP server has its own network, and mirrors stay among VMs of
// one namespace.
import type { CommandPattern } from './types.ts';

const see = { role: 'viewer', reach: 'mesh', scope: 'local' } as const;
const act = { role: 'operator', reach: 'mesh', scope: 'local' } as const;
const admin = { role: 'admin', reach: 'mesh', scope: 'local' } as const;
const onVms = { role: 'operator', reach: 'mesh', scope: 'vms', patienceMs: 60_000 } as const;
const target = { values: { vm: 'vm-targets' } } as const;
const oneVm = { values: { vm: 'vms' } } as const;

const tapForms = [
  ['', 'an interface of this node on a VLAN: guests there reach the node'],
  [' <dhcp,> [tap name]', 'an error: guests could choose the addresses of this node'],
  [' bridge <bridge>', 'the same, on another bridge'],
  [' bridge <bridge> <dhcp,> [tap name]', 'the same error'],
  [' bridge <bridge> ip <ip> [tap name]', 'the same, with an address such as 10.0.0.254/24'],
  [' bridge <bridge> name [tap name]', 'the same, with a name'],
  [' ip <ip> [tap name]', 'an interface of this node on a VLAN, with an address such as 10.0.0.254/24'],
  [' name <tap name>', 'the same, with a name'],
] as const;

export const netPatterns: readonly CommandPattern[] = [
  { ...see, pattern: 'tap', help: 'interfaces of this node on VLANs of the namespace' },
  ...tapForms.map(([form, help]): CommandPattern => ({ ...admin, pattern: `tap <create,> <vlan>${form}`, help })),
  { ...admin, pattern: 'tap <delete,> <tap name or all>', destructive: true, help: 'remove them' },
  { ...see, pattern: 'tap <mirror,>', help: 'mirrors of the namespace on this node' },
  {
    ...act,
    pattern: 'tap <mirror,> <src name> <dst name> [bridge]',
    help: 'copy all that one tap of this node sends and receives to another one, which gets nothing else then',
  },
  {
    ...onVms,
    pattern: 'tap <mirror,> <vm name> <interface index> <vm2 name> <interface2 index>',
    values: { vm: 'vms', vm2: 'vms' },
    help: 'copy the traffic of a NIC to the NIC of a VM on the same node and bridge',
  },
  {
    ...admin,
    pattern: 'clear tap',
    destructive: true,
    help: 'remove interfaces and mirrors of this node that are of the namespace',
  },
  { ...act, pattern: 'clear tap <mirror,> [name]', destructive: true, help: 'end mirrors that a tap gets, or all' },
  {
    ...onVms,
    pattern: 'clear tap <mirror,> <vm name> <interface index or all>',
    ...oneVm,
    destructive: true,
    help: 'end mirrors that a VM gets',
  },

  { ...see, pattern: 'dnsmasq', help: 'DHCP and DNS servers of this node' },
  {
    ...see,
    scope: 'namespace',
    pattern: 'dnsmasq <info,>',
    help: 'the servers of the namespace: their VLANs, ranges and state, and how many leases they gave',
  },
  {
    ...see,
    scope: 'namespace',
    pattern: 'dnsmasq <leases,> [ID]',
    help: 'the leases of the namespace, with their VMs',
  },
  {
    ...act,
    pattern: 'dnsmasq start <listen address> <low dhcp range> <high dhcp range> [config]',
    help: 'serve DHCP and DNS on the interface of this node that has the address (`tap create`)',
  },
  {
    ...act,
    pattern: 'dnsmasq <serve,> <vlan> <address> <low> <high> [option]...',
    help: 'serve DHCP and DNS on a VLAN, at an address such as 10.0.0.1/24; options: gateway=, dns=, domain=, lease=, bridge=',
  },
  { ...act, pattern: 'dnsmasq kill <id or all>', destructive: true, help: 'end servers of this node' },
  { ...see, pattern: 'dnsmasq configure <ID> <ip,>', help: 'addresses that MAC addresses always get' },
  {
    ...act,
    pattern: 'dnsmasq configure <ID> <ip,> <mac address> <ip>',
    help: 'give a MAC address always the same address',
  },
  { ...see, pattern: 'dnsmasq configure <ID> <dns,>', help: 'names that the server knows beside those of guests' },
  { ...act, pattern: 'dnsmasq configure <ID> <dns,> <ip> <hostname>', help: 'add one' },
  { ...see, pattern: 'dnsmasq configure <ID> <dns,> <upstream,>', help: 'name servers that it asks' },
  {
    ...act,
    pattern: 'dnsmasq configure <ID> <dns,> <upstream,> server <ip>',
    help: 'ask a name server that the VLAN reaches for other names',
  },
  { ...see, pattern: 'dnsmasq configure <ID> <options,>', help: 'options for guests' },
  {
    ...act,
    pattern: 'dnsmasq configure <ID> <options,> <optionstring>',
    help: "add one in dnsmasq's notation, such as option:ntp-server,10.0.0.5",
  },

  {
    ...onVms,
    pattern: 'qos <add,> <vm target> <interface> <delay,> <duration>',
    ...target,
    help: 'delay what goes to a NIC, such as 100ms; the kernel of its node must have netem',
  },
  {
    ...onVms,
    pattern: 'qos <add,> <vm target> <interface> <loss,> <percent>',
    ...target,
    help: 'lose some of what goes to a NIC; the kernel of its node must have netem',
  },
  {
    ...onVms,
    pattern: 'qos <add,> <vm target> <interface> <rate,> <bw> <kbit,mbit,gbit>',
    ...target,
    help: 'limit what goes to a NIC; `vm info` shows it as qos',
  },
  {
    ...onVms,
    pattern: 'clear qos <vm target> [tap index]',
    ...target,
    destructive: true,
    help: 'let frames go to one NIC, or to all of a VM, as they come',
  },
];
