// The kinds of a cluster of meshds. A new one is its definition (its key in kind-keys.ts and fleet-keys.ts, its row here), a source in
// agent/rows, and its pages.
import * as z from 'zod/mini';
import { clusterKeys } from './kind-keys.ts';
import { defineKind, type RowOf } from './kinds.ts';
import { maxFactCharacters, maxFleetLinks, maxFleetNodes, maxNodeAddresses, maxRangeNameLength } from './limits.ts';

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

export const clusterKinds = [nodes, links, hosts, bridges] as const;
