// The fleet as the browser sees it: the nodes of every cluster that the console knows, with their links. A snapshot with a
// revision comes first, deltas follow; a gap asks for a new snapshot. The server numbers for browsers itself.
import { z } from 'zod';
import { LinkView, NodeView } from './watch.ts';

/** A node as a page shows it: what the mesh says, and how old that is. */
export const FleetNode = NodeView.extend({
  Cluster: z.string(),
  /** When a node last confirmed this to the console, ms since 1970. */
  AsOf: z.number(),
  /** When it left the mesh, ms since 1970; null while it is a member. A lost node fades with its age. */
  LostAt: z.number().nullable(),
});
export type FleetNode = z.infer<typeof FleetNode>;

/** A link with its age: `Since` is when the console first saw it in this state, ms since 1970. */
export const FleetLink = LinkView.extend({ Cluster: z.string(), Since: z.number() });
export type FleetLink = z.infer<typeof FleetLink>;

export const FleetCluster = z.object({
  Id: z.string(),
  Context: z.string(),
  Engine: z.enum(['meshd', 'minimega']),
  /** `live`: attached and watching. `attaching`: looking for a node that answers. `lost`: none answered. */
  State: z.enum(['live', 'attaching', 'lost']),
  /** Name of the node whose command socket the console is attached to; empty while it is not attached. */
  AttachedTo: z.string(),
  /** Round trip to that node, in milliseconds; null while not attached. */
  RoundTripMs: z.number().nullable(),
  /** When the console last received news of this cluster, ms since 1970. */
  AsOf: z.number(),
  /** Why it is not live, for people; empty when it is. */
  Reason: z.string(),
});
export type FleetCluster = z.infer<typeof FleetCluster>;

/** Something that happened, for `what changed in the last hour`. */
export const FleetEvent = z.object({
  At: z.number(),
  Cluster: z.string(),
  Kind: z.enum([
    ...['node-up', 'node-down', 'node-new', 'node-gone', 'link-up', 'link-down', 'attached', 'detached'],
    // What a node reports about its bridge: it has one now, has none, needs a person, or no longer needs one.
    ...['bridge-up', 'bridge-gone', 'bridge-alarm', 'bridge-well'],
  ] as const),
  /** Node names concerned, in reading order. */
  Nodes: z.array(z.string()),
});
export type FleetEvent = z.infer<typeof FleetEvent>;

export const FleetSnapshot = z.object({
  Revision: z.number().int(),
  /** The server's clock, ms since 1970: pages compute ages from it. */
  Now: z.number(),
  Clusters: z.array(FleetCluster),
  Nodes: z.array(FleetNode),
  Links: z.array(FleetLink),
  /** Of the last hour, newest last, 500 at most. */
  Events: z.array(FleetEvent),
});
export type FleetSnapshot = z.infer<typeof FleetSnapshot>;

export const FleetDelta = z.object({
  From: z.number().int(),
  Revision: z.number().int(),
  Now: z.number(),
  /** Whole. */
  Clusters: z.array(FleetCluster),
  GoneClusters: z.array(z.string()),
  /** New nodes whole; known nodes with changed keys only, facts merged key by key. */
  Nodes: z.array(
    FleetNode.partial().extend({
      Id: z.string(),
      Facts: NodeView.shape.Facts.unwrap().partial().nullable().optional(),
    }),
  ),
  GoneNodes: z.array(z.string()),
  Links: z.array(FleetLink),
  GoneLinks: z.array(z.object({ A: z.string(), B: z.string() })),
  Events: z.array(FleetEvent),
});
export type FleetDelta = z.infer<typeof FleetDelta>;
