// The kinds of a cluster of meshds. A new one is its definition (its key in kind-keys.ts and fleet-keys.ts, its row here), a source in
// agent/rows, and its pages.
import * as z from 'zod/mini';
import { clusterKeys } from './kind-keys.ts';
import { defineKind, type RowOf } from './kinds.ts';
import {
  maxDhcpServers,
  maxFactCharacters,
  maxKeptCaptures,
  maxRunningCaptures,
  maxFileRows,
  maxFleetLinks,
  maxFleetNodes,
  maxLeaseRows,
  maxNamespaceHosts,
  maxNamespaceRows,
  maxNodeAddresses,
  maxRangeNameLength,
  maxRowFileNameCharacters,
  maxTapRows,
  maxVlanRows,
  maxVmReasonCharacters,
  maxVmRowItems,
  maxVmsPerNode,
} from './limits.ts';

/** Names, ids and versions: none is longer than a DNS name. */
const Short = z.string().check(z.maxLength(maxRangeNameLength));
const FactText = z.string().check(z.maxLength(maxFactCharacters));
/** Uptime in nanoseconds is the largest: a century is 3e18. -1 means no limit. */
const Quantity = z.number().check(z.minimum(-1), z.maximum(1e19));

/** The nodes of the roster. */
export const nodes = defineKind({
  ...clusterKeys.nodes,
  bound: maxFleetNodes,
  row: z.object({
    Id: Short,
    Name: Short,
    Addresses: z.array(Short).check(z.maxLength(maxNodeAddresses)),
    /** `member`: in the mesh now. `absent`: in the roster, not in the mesh. `revoked`: shut out. */
    State: z.enum(['member', 'absent', 'revoked']),
    Head: z.boolean(),
    /** Links the node tries to hold; null while it is absent. */
    Degree: z.nullable(z.int()),
  }),
});
export type NodeRow = RowOf<typeof nodes>;

/** Links between two node ids, the smaller id first. */
export const links = defineKind({
  ...clusterKeys.links,
  bound: maxFleetLinks,
  /** `half`: only one side lists it. */
  row: z.object({ A: Short, B: Short, State: z.enum(['up', 'half']) }),
});
export type LinkRow = RowOf<typeof links>;

/** Facts of a host. Units: MB (MiB) for memory, MB/s for rx and tx. Columns of minimega's `host`. */
export const HostFacts = z.object({
  Name: z.string().check(z.maxLength(255)),
  CPUs: Quantity,
  /** Three load averages, as /proc/loadavg prints them. */
  Load: z.string().check(z.maxLength(255)),
  MemTotal: Quantity,
  MemUsed: Quantity,
  RxBps: Quantity,
  TxBps: Quantity,
  VMs: Quantity,
  /** Always 0: meshd has no Android VMs; minimega's column is kept so that tables of both merge. */
  AndroidVMs: Quantity,
  Limit: Quantity,
  CPUCommit: Quantity,
  MemCommit: Quantity,
  NetworkCommit: Quantity,
  /** Nanoseconds, as minimega's Data has it. */
  Uptime: Quantity,
});
export type HostFacts = z.infer<typeof HostFacts>;

/** The machines of members, as these describe themselves while someone watches. */
export const hosts = defineKind({
  ...clusterKeys.hosts,
  bound: 1,
  /** `Version`: of its meshd. */
  row: z.extend(HostFacts, { Node: Short, Version: Short }),
});
export type HostRow = RowOf<typeof hosts>;

/** The bridge with the uplink of each member, after its first look. */
export const bridges = defineKind({
  ...clusterKeys.bridges,
  bound: 1,
  row: z.object({
    Node: Short,
    /** Empty without a bridge. */
    Bridge: FactText,
    Uplink: FactText,
    /** Who configures the uplink. */
    Owner: FactText,
    /** How it comes back at boot: `ifupdown`, `commands`, `networkd`, or `not by Meshdeck`; empty without a bridge. */
    Persistence: FactText,
    /** `safe`, or the reasons against a reboot; empty without a bridge. */
    Reboot: FactText,
    /** For the red banner, each with what to do; empty when all is well. */
    Alarms: z.array(FactText).check(z.maxLength(32)),
  }),
});
export type BridgeRow = RowOf<typeof bridges>;

/** Who holds which VLAN. Every node has the same rows, so none of them is of one node. */
export const vlans = defineKind({
  ...clusterKeys.vlans,
  bound: maxVlanRows,
  row: z.object({
    Vlan: z.int().check(z.minimum(1), z.maximum(4_094)),
    /** Both empty: the number is used as it is, or blacklisted. */
    Namespace: Short,
    Alias: Short,
    /** Member that decides on the number. */
    Owner: Short,
    /** A person chose the number. */
    Pinned: z.boolean(),
    /** The alias has other numbers too: two sides of a split decided on it. */
    Split: z.boolean(),
    /** The number has other holders too: somebody forced it. */
    Clash: z.boolean(),
  }),
});
export type VlanKindRow = RowOf<typeof vlans>;

/** The files of each member below its -filepath: the largest, and those that are on their way to it. */
export const files = defineKind({
  ...clusterKeys.files,
  bound: maxFileRows,
  row: z.object({
    Node: Short,
    /** From -filepath on; empty in the row with the state `more`. */
    Name: z.string().check(z.maxLength(maxRowFileNameCharacters)),
    /** Bytes; of `more`, how many files have no row, as far as they were counted. */
    Size: Quantity,
    /** Milliseconds since 1970. */
    Modified: z.number().check(z.minimum(-8.64e15), z.maximum(8.64e15)),
    /** As qemu-img calls it, `kernel`, `initrd`, `iso`, or `other`; empty while it is on its way. */
    Format: Short,
    /** SHA-256 in hex; empty while the node has not computed it. */
    Hash: Short,
    /** `here`: complete. `queued`, `fetching`, `checking`: on its way. `failed`: the last fetch did not end well. */
    State: z.enum(['here', 'queued', 'fetching', 'checking', 'failed', 'more']),
    /** Bytes that are there. */
    Done: Quantity,
    /** Why the fetch failed; empty otherwise. */
    Error: FactText,
  }),
});
export type FileRow = RowOf<typeof files>;

/** -1: on no VLAN. */
const VlanOfNic = z.int().check(z.minimum(-1), z.maximum(4_094));

/** The VMs of each member; of one that is not in the mesh, as the others know them, with the state LOST. */
export const vms = defineKind({
  ...clusterKeys.vms,
  bound: maxVmsPerNode,
  row: z.object({
    Node: Short,
    /** Of its node. */
    Id: z.int().check(z.minimum(0)),
    Name: Short,
    Namespace: Short,
    State: z.enum(['BUILDING', 'RUNNING', 'PAUSED', 'QUIT', 'ERROR', 'LOST']),
    /** Why it is PAUSED, QUIT, ERROR or LOST, where nobody asked for it; empty otherwise. */
    Reason: z.string().check(z.maxLength(maxVmReasonCharacters)),
    Uuid: Short,
    Vcpus: Quantity,
    /** MB (MiB). */
    Memory: Quantity,
    /** Empty before its first start, and where it is not known. */
    Accelerator: z.enum(['', 'kvm', 'tcg']),
    /** How many it has: each is a console. */
    SerialPorts: z.int().check(z.minimum(0)),
    /** Milliseconds since 1970. */
    Launched: Quantity,
    /** By NIC, as are `Aliases` and `Macs`. */
    Vlans: z.array(VlanOfNic).check(z.maxLength(maxVmRowItems)),
    /** Empty for a number without one. */
    Aliases: z.array(Short).check(z.maxLength(maxVmRowItems)),
    Macs: z.array(Short).check(z.maxLength(maxVmRowItems)),
    /** Each as `key=value`. */
    Tags: z.array(Short).check(z.maxLength(maxVmRowItems)),
  }),
});
export type VmRow = RowOf<typeof vms>;

/** The taps of each member's VMs. */
export const taps = defineKind({
  ...clusterKeys.taps,
  bound: maxTapRows,
  row: z.object({
    Node: Short,
    Name: Short,
    /** Id of its VM, and which of its NICs it is, from 0 up. */
    Vm: z.int().check(z.minimum(0)),
    Nic: z.int().check(z.minimum(0)),
    /** Empty while it is on no VLAN. */
    Bridge: Short,
    Vlan: VlanOfNic,
    Alias: Short,
    Mac: Short,
    /** What the guest says its addresses are; empty until it says something. */
    Ip4: Short,
    Ip6: Short,
    /** What happens to frames on their way to the NIC, as `vm info` shows it; empty for nothing. */
    Qos: Short,
    /** A QEMU holds it. */
    Carrier: z.boolean(),
    /** The switch forwards for it. */
    Connected: z.boolean(),
    /** What is wrong with it and being repaired, as the switch calls it, such as `port-missing`; empty otherwise. */
    Fault: Short,
  }),
});
export type TapRow = RowOf<typeof taps>;

/** DHCP servers of each member, each on one VLAN. */
export const dhcp = defineKind({
  ...clusterKeys.dhcp,
  bound: maxDhcpServers,
  row: z.object({
    Node: Short,
    Id: z.int().check(z.minimum(0)),
    Namespace: Short,
    Vlan: z.int().check(z.minimum(1), z.maximum(4_094)),
    /** Empty for a number without one. */
    Alias: Short,
    Bridge: Short,
    Tap: Short,
    /** Of the server, with the prefix length. */
    Address: Short,
    Low: Short,
    High: Short,
    /** What it tells guests; empty for none. */
    Gateway: Short,
    Dns: z.array(Short).check(z.maxLength(8)),
    Domain: Short,
    LeaseSeconds: Quantity,
    /** `starting`: it has ended, and is started again. */
    State: z.enum(['running', 'starting', 'failed']),
    /** Why it does not run; empty otherwise. */
    Reason: z.string().check(z.maxLength(maxVmReasonCharacters)),
  }),
});
export type DhcpRow = RowOf<typeof dhcp>;

/** What DHCP servers have given out. Guests name themselves: names are for people. */
export const leases = defineKind({
  ...clusterKeys.leases,
  bound: maxLeaseRows,
  row: z.object({
    Node: Short,
    /** Id of the server. */
    Dhcp: z.int().check(z.minimum(0)),
    Mac: Short,
    Vlan: z.int().check(z.minimum(1), z.maximum(4_094)),
    Ip: Short,
    Name: Short,
    /** Milliseconds since 1970. */
    Expires: Quantity,
  }),
});
export type LeaseRow = RowOf<typeof leases>;
/** Captures of each member: those that run, and those that have ended and are remembered. */
export const captures = defineKind({
  ...clusterKeys.captures,
  bound: maxRunningCaptures + maxKeptCaptures,
  row: z.object({
    Node: Short,
    /** Of its node. */
    Id: z.int().check(z.minimum(0)),
    Namespace: Short,
    Kind: z.enum(['pcap', 'netflow']),
    State: z.enum(['running', 'ended', 'failed']),
    /** Why it does not run; empty when somebody ended it. */
    Reason: FactText,
    Bridge: Short,
    /** Name of its VM, empty for a whole bridge; the VM's id and its NIC, -1 without one. */
    Vm: Short,
    VmId: z.int().check(z.minimum(-1)),
    Nic: z.int().check(z.minimum(-1)),
    /** Its file from -filepath on, or `tcp host:port` where flows go. */
    Target: z.string().check(z.maxLength(maxRowFileNameCharacters)),
    /** It has a file that can be looked into and downloaded. */
    HasPackets: z.boolean(),
    Filter: FactText,
    /** Who asked for it, as the console says; empty where it was typed on a node. */
    By: Short,
    /** Milliseconds since 1970. */
    Started: Quantity,
    Ended: z.nullable(Quantity),
    /** Packets, or flows. */
    Packets: Quantity,
    Bytes: Quantity,
    /** Packets that the kernel dropped; null while it is not known. */
    Dropped: z.nullable(Quantity),
    MaxBytes: Quantity,
    MaxSeconds: Quantity,
  }),
});
export type CaptureRow = RowOf<typeof captures>;

/** Namespaces. All nodes have the same rows. */
export const namespaces = defineKind({
  ...clusterKeys.namespaces,
  // The default one, and as many as may be after a split.
  bound: maxNamespaceRows + 1,
  row: z.object({
    Name: Short,
    /** Its hosts are all members but `Hosts`. */
    AllBut: z.boolean(),
    /** Ids of nodes. None of the default namespace: each node has its own, which begins with that node. */
    Hosts: z.array(Short).check(z.maxLength(maxNamespaceHosts)),
    /** By what VMs are spread over the hosts: `cpucommit`, `memcommit` or `netcommit`; empty for the default namespace. */
    Load: Short,
    /** First and last of the VLANs that were set for it; null: it uses the default ones. */
    VlanMin: z.nullable(z.int().check(z.minimum(1), z.maximum(4_095))),
    VlanMax: z.nullable(z.int().check(z.minimum(1), z.maximum(4_095))),
    /** VMs of all nodes; null where VMs have no rows. */
    Vms: z.nullable(z.int().check(z.minimum(0))),
  }),
});
export type NamespaceKindRow = RowOf<typeof namespaces>;

export const clusterKinds = [
  nodes,
  links,
  hosts,
  bridges,
  vlans,
  files,
  vms,
  taps,
  dhcp,
  leases,
  captures,
  namespaces,
] as const;
