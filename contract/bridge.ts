// What pages, the node table and the shell say about a node's bridge.
import { z } from 'zod';

export const BridgeSummary = z.object({
  /** Empty when the node has no bridge. */
  bridge: z.string(),
  uplink: z.string(),
  /** Who configures the uplink. */
  owner: z.string(),
  /** How it comes back at boot: `ifupdown`, `commands`, `networkd`, or `not by Meshdeck`; empty without a bridge. */
  persistence: z.string(),
  /** `safe`, or the reasons against a reboot; empty without a bridge. */
  reboot: z.string(),
  /** The transaction under way, in words; empty for none. */
  transaction: z.string(),
  /** For the red banner, each with what to do; empty when all is well. */
  alarms: z.array(z.string()),
});
export type BridgeSummary = z.infer<typeof BridgeSummary>;

/** The bridge of one node, as it is now. */
export const NodeBridge = z.object({
  node: z.string(),
  /** Null when it was not reached. */
  summary: BridgeSummary.nullable(),
  error: z.string(),
});
export type NodeBridge = z.infer<typeof NodeBridge>;

/** What the console last saw of a node's bridge, for nodes without meshd; `at` is ms since 1970. */
export const RememberedBridge = z.object({ summary: BridgeSummary, at: z.number() });
export type RememberedBridge = z.infer<typeof RememberedBridge>;
