// The table and the node's standing on disk: `vlans.json` beside the identity.
import { z } from 'zod';
import { NodeId } from '../../contract/roster.ts';
import { newStanding, type Standing } from '../../core/vlans/standing.ts';
import { maxVlan } from '../../core/vlans/names.ts';
import type { TableRows } from '../../core/vlans/table.ts';
import { loadStored, type TextStore } from '../tables/table-store.ts';
import { AllRows } from './messages.ts';

const Ids = z.array(NodeId).max(8_192);
const Stored = AllRows.extend({
  node: NodeId,
  standing: z.object({
    version: z.number().int().nonnegative(),
    removals: z.number().int().nonnegative().nullable(),
    ids: Ids,
    numbers: z.array(z.number().int().min(1).max(maxVlan)).max(maxVlan),
    promised: z.number().int().nonnegative(),
    established: Ids.nullable(),
    asked: Ids,
  }),
});

export interface StoredVlans {
  readonly standing: Standing;
  readonly table: TableRows;
}

const nothing: StoredVlans = { standing: newStanding, table: { rows: [], ranges: [] } };

/** What is stored, or nothing: then the node learns all rows from the others before it gives a number away. */
export async function loadVlans(
  store: TextStore,
  { nodeId, onDamage }: { nodeId: string; onDamage: () => void },
): Promise<StoredVlans> {
  const stored = await loadStored(store, Stored, { nodeId, onDamage });
  return stored === null ? nothing : { standing: stored.standing, table: { rows: stored.rows, ranges: stored.ranges } };
}

export function storedText(nodeId: string, { standing, table }: StoredVlans): string {
  return JSON.stringify({ node: nodeId, standing, ...table });
}
