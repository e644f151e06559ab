// What a lab is on paper: names, addresses, MACs, interfaces, the settings of its DHCP and DNS server. Pure: the same
// question gives the same answer, and nothing is looked up or changed here.
import { createHash } from 'node:crypto';
import type { NodeOwner } from './recipe.ts';

/** A lab's /24 holds the switch, this machine, 100 nodes and 100 more addresses for the fault `dhcp other-range`. */
export const maxNodes = 100;
/** Interface names have 15 characters at most (IFNAMSIZ), and the host's is `mdl-<lab>`. */
export const maxLabNameLength = 11;

export type Login = 'root' | 'sudo';
export type DhcpMode = 'on' | 'off' | 'other-range';

/** One node as the lab records it. */
export interface NodePlan {
  name: string;
  /** 1 for the first node; port number, MAC and address follow from it. */
  index: number;
  mac: string;
  /** Its address while DHCP works as planned. */
  address: string;
  /** Its interface on the switch. */
  port: string;
}

/** All that is fixed when a lab is first brought up. Written to `<lab>/lab.json`. */
export interface LabPlan {
  version: 1;
  name: string;
  prefix: string;
  login: Login;
  cloneIdentity: boolean;
  /** Frames reach nodes as large segments without checksums, as NICs with receive offload give them. */
  offload: boolean;
  /** Who configures the nodes' eth0. */
  owner: NodeOwner;
  /** Packages beyond those of the owner's image, sorted. */
  extra: string[];
  /** DHCP names the switch as default router. */
  router: boolean;
  /** First three numbers of its /24, such as `10.91.7`. */
  subnet: string;
  /** Key of the image below every node. */
  image: string;
  nodes: NodePlan[];
}

/** The text of what is wrong with a lab's name, or null. */
export function describeLabNameIssue(name: string): string | null {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return `lab name '${name}': a letter, then letters, digits or '-'`;
  if (name.length > maxLabNameLength) return `lab name '${name}': at most ${maxLabNameLength} characters`;
  return null;
}

/** The text of what is wrong with a node prefix, or null. */
export function describePrefixIssue(prefix: string): string | null {
  // It becomes a host name and, with a number behind it, part of an interface name on the switch.
  return /^[a-z]([a-z0-9-]{0,9}[a-z-])?$/.test(prefix)
    ? null
    : `prefix '${prefix}': 1 to 11 letters, digits or '-', beginning with a letter and not ending in a digit`;
}

/** All third numbers of 10.91.x.0/24, beginning with the one that the lab's name picks. */
export function subnetCandidates(labName: string): string[] {
  const first = createHash('sha256').update(labName).digest()[0] ?? 0;
  return Array.from({ length: 256 }, (_, offset) => `10.91.${(first + offset) % 256}`);
}

/** Address of the switch: DHCP and DNS server. */
export function switchAddress(subnet: string): string {
  return `${subnet}.1`;
}

/** Address of this machine in the lab. */
export function hostAddress(subnet: string): string {
  return `${subnet}.2`;
}

/** Name of this machine's interface in the lab, the one thing of a lab that shows among the host's interfaces. */
export function hostInterface(labName: string): string {
  return `mdl-${labName}`;
}

/** A node's address under normal DHCP (.11 to .110) and from the other range (.131 to .230). */
export function nodeAddress(subnet: string, index: number, range: 'planned' | 'other' = 'planned'): string {
  return `${subnet}.${index + (range === 'planned' ? 10 : 130)}`;
}

/** Plans one node. The MAC is locally administered and unique among all labs of this machine. */
export function planNode(options: { prefix: string; subnet: string }, index: number): NodePlan {
  const third = Number(options.subnet.split('.')[2]);
  const hex = (value: number) => value.toString(16).padStart(2, '0');
  return {
    name: `${options.prefix}${index}`,
    index,
    mac: `02:4d:44:${hex(third)}:00:${hex(index)}`,
    address: nodeAddress(options.subnet, index),
    port: `p${index}-${options.prefix}`.slice(0, 15),
  };
}

/** Port number on the switch, fixed so that a node keeps it over power cycles. */
export function portNumber(node: NodePlan): number {
  return node.index + 100;
}

/** The unique name under which systemd-nspawn knows a node. */
export function machineName(labName: string, nodeName: string): string {
  return `meshdeck-lab-${labName}-${nodeName}`;
}

/** A name and address that DNS answers although DHCP is off. */
export interface KnownLease {
  name: string;
  address: string;
}

/**
 * dnsmasq's configuration file. Names come from leases, so that they follow a node to another address; while DHCP is off
 * dnsmasq reads no leases, and `known` holds them.
 */
export function describeDnsmasqConfig(
  plan: LabPlan,
  mode: DhcpMode,
  options: { folder: string; interfaceName: string; known?: readonly KnownLease[] },
): string {
  const lines = [
    `# DHCP and DNS of lab ${plan.name}, DHCP ${mode}. Written by the lab; a change here is lost.`,
    'keep-in-foreground',
    `pid-file=${options.folder}/dnsmasq.pid`,
    'user=root',
    'no-resolv',
    'no-hosts',
    'bind-interfaces',
    `interface=${options.interfaceName}`,
    'except-interface=lo',
    `host-record=switch,${switchAddress(plan.subnet)}`,
    `host-record=host,${hostAddress(plan.subnet)}`,
    // Reverse lookups of other private networks end here: nodes have no other server to ask.
    'bogus-priv',
    'local-ttl=1',
  ];
  if (mode === 'off') {
    for (const lease of options.known ?? []) lines.push(`host-record=${lease.name},${lease.address}`);
  } else {
    const range = mode === 'on' ? 'planned' : 'other';
    lines.push(
      `dhcp-range=${nodeAddress(plan.subnet, 1, range)},static,255.255.255.0,1h`,
      `dhcp-leasefile=${options.folder}/leases`,
      'dhcp-authoritative',
      // The lab hands out fixed addresses: probing each first would cost every boot three seconds.
      'no-ping',
      // Nodes reach the lab's network and nothing else: with `router` they have a gateway that answers, and leads nowhere.
      `dhcp-option=3${plan.router ? `,${switchAddress(plan.subnet)}` : ''}`,
      ...plan.nodes.map((node) => `dhcp-host=${node.mac},${node.name},${nodeAddress(plan.subnet, node.index, range)}`),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Reads dnsmasq's lease file: expiry, MAC, address, name, client id on each line. */
export function parseLeases(text: string): KnownLease[] {
  return text.split('\n').flatMap((line) => {
    const [, , address, name] = line.split(' ');
    return address !== undefined && name !== undefined && name !== '*' ? [{ name, address }] : [];
  });
}

/** The text of a VLAN list, `101,105-110`, as numbers; null when it is not one (VLANs are 0 to 4094, 0 is untagged). */
export function parseVlans(text: string): number[] | null {
  const vlans = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    if (!match) return null;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (from > to || to > 4094) return null;
    for (let vlan = from; vlan <= to; vlan++) vlans.add(vlan);
  }
  return [...vlans].sort((a, b) => a - b);
}

/** The `trunks` allow-list of a port that drops these VLANs: every other, untagged (0) included; all is an empty list. */
export function trunksWithout(dropped: readonly number[]): number[] {
  if (dropped.length === 0) return [];
  const drop = new Set(dropped);
  return Array.from({ length: 4095 }, (_, vlan) => vlan).filter((vlan) => !drop.has(vlan));
}
