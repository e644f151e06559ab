// The nodes that the console reaches over SSH, whether they run meshd or not: what pages show of those that no mesh tells of.
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
  /** When its last checks were; null while there were none. */
  checkedAt: z.number().nullable(),
  /** Packages that those found missing and a run with `install` brings. */
  missing: z.array(z.string()),
});
export type KnownNode = z.infer<typeof KnownNode>;

/** What changed of them: new and changed ones whole, ids of those that the console forgot. */
export const KnownNodesChange = z.object({ changed: z.array(KnownNode), gone: z.array(z.string()) });
export type KnownNodesChange = z.infer<typeof KnownNodesChange>;
