// What a watcher of the command socket receives: a snapshot of the whole cluster with a revision, then deltas.
// A revision is (Epoch, N): an Epoch is one run of one daemon or one reset of a slow reader; a new Epoch is a new snapshot.
import { z } from 'zod';
import { maxFactCharacters } from './limits.ts';

export const Revision = z.object({ Epoch: z.string(), N: z.number().int() });
export type Revision = z.infer<typeof Revision>;

/** Uptime in nanoseconds is the largest: a century is 3e18. -1 means no limit. */
const Quantity = z.number().min(-1).max(1e19);
const FactText = z.string().max(maxFactCharacters);

/** Facts of a host. Units: MB (MiB) for memory, MB/s for rx and tx, seconds for uptime. Columns of minimega's `host`. */
export const HostFacts = z.object({
  Name: z.string().max(255),
  CPUs: Quantity,
  /** Three load averages, as /proc/loadavg prints them. */
  Load: z.string().max(255),
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
  /** The bridge with the uplink, empty without one; this and the fields below are missing until the host's first look. */
  Bridge: FactText.optional(),
  BridgeUplink: FactText.optional(),
  /** Who configures the uplink. */
  BridgeOwner: FactText.optional(),
  /** How it comes back at boot. */
  BridgePersistence: FactText.optional(),
  /** `safe`, or the reasons against a reboot. */
  BridgeReboot: FactText.optional(),
  /** Red banners, a line each; empty when all is well. */
  BridgeAlarms: FactText.optional(),
});
export type HostFacts = z.infer<typeof HostFacts>;

export const NodeView = z.object({
  Id: z.string(),
  Name: z.string(),
  Addresses: z.array(z.string()),
  /** `member`: in the mesh now. `absent`: in the roster, not in the mesh. `revoked`: shut out. */
  State: z.enum(['member', 'absent', 'revoked']),
  Head: z.boolean(),
  /** Links the node tries to hold; null while it is absent. */
  Degree: z.number().int().nullable(),
  /** Version of its meshd; null until it is known. */
  Version: z.string().nullable(),
  Facts: HostFacts.nullable(),
});
export type NodeView = z.infer<typeof NodeView>;

/** A link between two node ids, the smaller id first. `half`: only one side lists it. */
export const LinkView = z.object({ A: z.string(), B: z.string(), State: z.enum(['up', 'half']) });
export type LinkView = z.infer<typeof LinkView>;

export const WatchMessage = z.discriminatedUnion('Watch', [
  z.object({
    Watch: z.literal('snapshot'),
    Revision,
    /** Node id of the daemon that answers. */
    Self: z.string(),
    Cluster: z.string(),
    Context: z.string(),
    Nodes: z.array(NodeView),
    Links: z.array(LinkView),
  }),
  z.object({
    Watch: z.literal('delta'),
    From: Revision,
    Revision,
    /** New nodes whole; known nodes with their changed keys only, facts likewise merged key by key. */
    Nodes: z.array(NodeView.partial().extend({ Id: z.string(), Facts: HostFacts.partial().nullable().optional() })),
    GoneNodes: z.array(z.string()),
    Links: z.array(LinkView),
    GoneLinks: z.array(z.object({ A: z.string(), B: z.string() })),
  }),
]);
export type WatchMessage = z.infer<typeof WatchMessage>;
export type WatchSnapshot = Extract<WatchMessage, { Watch: 'snapshot' }>;
export type WatchDelta = Extract<WatchMessage, { Watch: 'delta' }>;
