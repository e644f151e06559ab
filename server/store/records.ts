// What hosts and clusters look like in the database: parsed on the way in and on the way out, so that a record of another
// version is found here and not in the middle of a run.
import { z } from 'zod';
import { engineNames } from '../../contract/fleet.ts';
import type { StoredCluster, StoredHost } from '../ports.ts';

export const HostRecord = z.object({
  id: z.string(),
  name: z.string(),
  addresses: z.array(z.string()),
  port: z.number().int(),
  user: z.string(),
  needsSudo: z.boolean(),
  keyId: z.string().nullable(),
  pins: z.array(z.string()),
  cluster: z.string(),
  nodeId: z.string().nullable(),
  isHead: z.boolean(),
  addedAt: z.number(),
  facts: z.unknown(),
}) satisfies z.ZodType<StoredHost>;

export const ClusterRecord = z.object({
  id: z.string(),
  context: z.string(),
  engine: z.enum(engineNames),
  socketPaths: z.array(z.string()),
  addedAt: z.number(),
}) satisfies z.ZodType<StoredCluster>;

/** What a sealed private key is bound to. */
export function keyPlace(id: string): string {
  return `SSH key ${id}`;
}
