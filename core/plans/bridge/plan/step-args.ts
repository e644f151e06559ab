// What a bridge step carries: read by the console's action, which does it, and by pages, which draw it. JSON in the journal,
// so it is parsed on the way out.
import { z } from 'zod';
import { NodeTarget } from '../../targets.ts';
import { BridgeTimesSchema } from './times.ts';
import type { BridgeTransaction } from './transaction.ts';

/** A transaction without what is known only when it begins: its id, its holder, its nonce. */
export const PlannedTransaction = z.object({
  kind: z.enum(['ensure', 'remove', 'persist']),
  bridge: z.string(),
  uplink: z.string(),
  mac: z.string(),
  mtu: z.number(),
  datapath: z.enum(['system', 'netdev']),
  owner: z.enum(['ifupdown', 'ifupdown2', 'networkmanager', 'networkd', 'ifcfg', 'none']),
  method: z.enum(['ifupdown', 'commands', 'networkd']),
  dhcp: z.enum(['dhclient', 'networkd', 'none']),
  dhcpClientId: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      content: z.string().nullable(),
      mode: z.string(),
      oldSha256: z.string().nullable(),
    }),
  ),
  enable: z.array(z.string()),
  disable: z.array(z.string()),
  addresses: z.array(z.string()),
  leave: z.array(z.string()).default([]),
  checks: z.array(z.enum(['carrier', 'addresses', 'routes', 'ovs', 'gateway', 'dns'])),
  isHeld: z.boolean(),
  times: BridgeTimesSchema,
}) satisfies z.ZodType<Omit<BridgeTransaction, 'id' | 'holder' | 'nonceSha256'>>;
export type PlannedTransaction = z.infer<typeof PlannedTransaction>;

/** Who may look at a node from outside, with the address to dial. */
export const WitnessPlan = z.object({
  rule: z.object({
    kind: z.enum(['console-and-peer', 'two-peers', 'console-and-gateway', 'peer-and-gateway', 'person-and-gateway']),
    hasGateway: z.boolean(),
  }),
  /** Other nodes that the console reached when the plan was made, nearest first. */
  peers: z.array(NodeTarget),
  isConsoleOnNode: z.boolean(),
});
export type WitnessPlan = z.infer<typeof WitnessPlan>;

/** One side of the picture of before and after. */
export const BridgePicture = z.object({
  /** What carries the addresses: `eth0` before, `mega_bridge` after. */
  carrier: z.string(),
  addresses: z.array(z.string()),
  routes: z.array(z.string()),
  dns: z.array(z.string()),
  /** Ports of the bridge, the uplink first; empty without a bridge. */
  ports: z.array(z.string()),
  bridge: z.string(),
});
export type BridgePicture = z.infer<typeof BridgePicture>;

export const BridgeNicChoice = z.object({
  name: z.string(),
  kind: z.string(),
  mac: z.string(),
  address: z.string(),
  owner: z.string(),
  hasCarrier: z.boolean(),
  /** The console came in on it. */
  isIngress: z.boolean(),
});
export type BridgeNicChoice = z.infer<typeof BridgeNicChoice>;

export const BridgeFindingSchema = z.object({
  id: z.string(),
  level: z.enum(['block', 'warn']),
  field: z.enum(['', 'nodes', 'bridge', 'uplink', 'method', 'datapath']),
  text: z.string(),
  mend: z.string(),
});

/** Why a node blocks its plan, and the NICs to choose another uplink from; empty where another uplink would not help. */
export const BlockedNode = z.object({
  node: z.string(),
  findings: z.array(BridgeFindingSchema),
  nics: z.array(BridgeNicChoice),
});
export type BlockedNode = z.infer<typeof BlockedNode>;

/** Arguments of `ensureBridge`, `persistBridge` and, in its own plan, `removeBridge`. */
export const BridgeStepArgs = z.object({
  target: NodeTarget,
  /** Addresses that the node must answer at afterwards, the expected one first. */
  expected: z.array(z.string()),
  transaction: PlannedTransaction,
  witness: WitnessPlan,
  before: BridgePicture,
  after: BridgePicture,
  /** NICs to choose from, for the form. */
  nics: z.array(BridgeNicChoice),
  ownerText: z.string(),
  /** Who made the bridge that is there; empty for none. */
  madeBy: z.string(),
  presence: z.enum(['right', 'unproven', 'partial', 'absent']),
  findings: z.array(BridgeFindingSchema),
  /** `well under a second`. */
  outage: z.string(),
  rollback: z.string(),
  witnessText: z.string(),
  /** VMs and taps on the bridge, for a removal. */
  taps: z.array(z.string()),
  /** Facts by name, to compare a good node with a bad one. */
  traits: z.record(z.string(), z.string()),
});
export type BridgeStepArgs = z.infer<typeof BridgeStepArgs>;

/** Arguments of `removeBridge` as the undo of a kept bridge: planned when it is undone, from what is there then. */
export const BridgeUndoArgs = z.object({
  target: NodeTarget,
  bridge: z.string(),
  witness: WitnessPlan,
  times: BridgeTimesSchema,
});
export type BridgeUndoArgs = z.infer<typeof BridgeUndoArgs>;

/** What a bridge step reports while it works (StepContext.progress), once a second. */
export const BridgeProgress = z.object({
  /** State of the transaction on the node, or what the console does before the transaction exists. */
  state: z.string(),
  /** The script's current phase: a PhaseId; empty while it does not say. */
  phase: z.string().default(''),
  /** Seconds until the node rolls back on its own, as of this report; null when no timer runs. */
  leftMs: z.number().nullable(),
  /** How far `more` can still prolong it. */
  capLeftMs: z.number(),
  checks: z.array(z.object({ name: z.string(), isOk: z.boolean(), text: z.string() })),
  witnesses: z.array(z.object({ name: z.string(), isSeen: z.boolean(), text: z.string() })),
  outageMs: z.number().nullable(),
  /** What happens next, as its consequence: `if you do nothing, node3 returns to how it was in 41 s`. */
  text: z.string(),
  /** The same without a countdown, for screen readers: it is read again only when it is news. */
  news: z.string(),
  isHeld: z.boolean(),
});
export type BridgeProgress = z.infer<typeof BridgeProgress>;

/** Result of a bridge step that was kept. */
export const BridgeResult = z.object({
  transaction: z.string(),
  outcome: z.enum(['committed', 'rolled-back', 'rollback-failed', 'unknown']),
  outageMs: z.number().nullable(),
  /** From the change to the commit or to the end of the rollback. */
  seconds: z.number().nullable(),
  witnesses: z.array(z.string()),
  rebootDoubts: z.array(z.string()).nullable(),
  reason: z.string(),
  dhcp: z.string(),
  /** The most likely cause of a failure, with its evidence. */
  causes: z.array(z.object({ cause: z.string(), evidence: z.string(), mend: z.string() })),
  /** Facts in which this node differs from one where it went well. */
  differences: z.array(z.object({ fact: z.string(), good: z.string(), bad: z.string() })),
  goodNode: z.string(),
});
export type BridgeResult = z.infer<typeof BridgeResult>;

/** Arguments of `proveByReboot`. */
export const RebootProofArgs = z.object({
  target: NodeTarget,
  /** Where it has to answer again. */
  address: z.string(),
  bridge: z.string(),
  uplink: z.string(),
  addresses: z.array(z.string()),
  /** VMs that the question names: for others nobody has said yes. */
  vms: z.array(z.string()),
});
export type RebootProofArgs = z.infer<typeof RebootProofArgs>;

/** Result of `proveByReboot`. */
export const RebootProof = z.object({
  /** From the order until another boot answered; null when the console was not there to see it. */
  secondsAway: z.number().nullable(),
  /** What is not as it was committed; empty is proven. */
  differences: z.array(z.string()),
});
export type RebootProof = z.infer<typeof RebootProof>;
