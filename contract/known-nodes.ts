// The nodes that the console reaches over SSH, whether they run meshd or not: what pages show of those that no mesh tells of.
import { z } from 'zod';
import { RememberedBridge } from './bridge.ts';

export const KnownNode = z.object({
  /** The console's own id of it. */
  id: z.string(),
  name: z.string(),
  /** The first is preferred. */
  addresses: z.array(z.string()),
  user: z.string(),
  /** Cluster that it was deployed to; empty before. */
  cluster: z.string(),
  /** ms since 1970. */
  addedAt: z.number(),
  /** Null while nobody has looked. */
  bridge: RememberedBridge.nullable(),
});
export type KnownNode = z.infer<typeof KnownNode>;

/** What changed of them: new and changed ones whole, ids of those that the console forgot. */
export const KnownNodesChange = z.object({ changed: z.array(KnownNode), gone: z.array(z.string()) });
export type KnownNodesChange = z.infer<typeof KnownNodesChange>;
