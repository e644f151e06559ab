// What watchers got before rows travelled by kind: a snapshot of nodes, with their facts in them, and links, then deltas.
// Consoles of the version before still ask for it, and nodes of the version before send nothing else. It goes with the next
// version of the protocol.
import { z } from 'zod';
import { HostFacts } from './cluster-kinds.ts';
import { maxFactCharacters } from './limits.ts';
import { Revision } from './watch-messages.ts';

const FactText = z.string().max(maxFactCharacters);

/** The fields of the bridge are missing until the host's first look. */
export const HostFacts1 = z.object({
  ...HostFacts.shape,
  Bridge: FactText.optional(),
  BridgeUplink: FactText.optional(),
  BridgeOwner: FactText.optional(),
  BridgePersistence: FactText.optional(),
  BridgeReboot: FactText.optional(),
  /** A line each; empty when all is well. */
  BridgeAlarms: FactText.optional(),
});
export type HostFacts1 = z.infer<typeof HostFacts1>;

export const NodeView1 = z.object({
  Id: z.string(),
  Name: z.string(),
  Addresses: z.array(z.string()),
  State: z.enum(['member', 'absent', 'revoked']),
  Head: z.boolean(),
  Degree: z.number().int().nullable(),
  Version: z.string().nullable(),
  Facts: HostFacts1.nullable(),
});
export type NodeView1 = z.infer<typeof NodeView1>;

const LinkView1 = z.object({ A: z.string(), B: z.string(), State: z.enum(['up', 'half']) });

export const WatchMessage1 = z.discriminatedUnion('Watch', [
  z.object({
    Watch: z.literal('snapshot'),
    Revision,
    Self: z.string(),
    Cluster: z.string(),
    Context: z.string(),
    Nodes: z.array(NodeView1),
    Links: z.array(LinkView1),
  }),
  z.object({
    Watch: z.literal('delta'),
    From: Revision,
    Revision,
    /** New nodes whole; known nodes with their changed keys only, facts likewise merged key by key. */
    Nodes: z.array(NodeView1.partial().extend({ Id: z.string(), Facts: HostFacts1.partial().nullable().optional() })),
    GoneNodes: z.array(z.string()),
    Links: z.array(LinkView1),
    GoneLinks: z.array(z.object({ A: z.string(), B: z.string() })),
  }),
]);
export type WatchMessage1 = z.infer<typeof WatchMessage1>;
