// The nodes that the console reaches over SSH, whether they run meshd or not: what pages show of nodes that no mesh reports.
import { z } from 'zod';
import { RememberedBridge } from './bridge.ts';

/** One thing that a look at a machine found. */
export const Finding = z.object({
  id: z.string(),
  level: z.enum(['ok', 'warn', 'fail']),
  text: z.string(),
  /** What to do about it; a command where there is one. Empty when it is all right. */
  mend: z.string(),
});
export type Finding = z.infer<typeof Finding>;

/** The last look at a machine: whether it is fit to be a node. */
export const NodeChecks = z.object({
  /** ms since 1970. */
  at: z.number(),
  findings: z.array(Finding),
});
export type NodeChecks = z.infer<typeof NodeChecks>;

export const KnownNode = z.object({
  /** The console's own id of it. */
  id: z.string(),
  name: z.string(),
  /** The first is preferred. */
  addresses: z.array(z.string()),
  /** Of its SSH server. */
  port: z.number(),
  user: z.string(),
  /** Cluster that it was deployed to; empty before. */
  cluster: z.string(),
  /** ms since 1970. */
  addedAt: z.number(),
  /** Null while nobody has looked. */
  bridge: RememberedBridge.nullable(),
  /** When it was last checked; null before the first check. */
  checkedAt: z.number().nullable(),
  /** Packages that the checks found missing and that a run with `install` installs. */
  missing: z.array(z.string()),
});
export type KnownNode = z.infer<typeof KnownNode>;

/** What changed: new and changed nodes whole, and the ids of nodes that the console forgot. */
export const KnownNodesChange = z.object({ changed: z.array(KnownNode), gone: z.array(z.string()) });
export type KnownNodesChange = z.infer<typeof KnownNodesChange>;
