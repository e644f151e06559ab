// What of a look at a node's network the console remembers, for pages and for nodes without meshd.
import { z } from 'zod';
import { BridgeSummary } from '../../../contract/bridge.ts';
import type { RememberedBridge } from '../../../contract/bridge.ts';
import type { BridgeFacts } from '../../../core/plans/bridge/observe/facts.ts';
import { summariseBridge } from '../../../core/plans/bridge/judge/summary.ts';
import type { Store } from '../../ports.ts';
import { factsOf } from '../../ssh/stored-hosts.ts';

/** The part of StoredHost.facts that is the bridge's. */
const BridgePart = z.object({ bridge: BridgeSummary.extend({ at: z.number() }) });

/** `host`: its id in the store. */
export async function rememberBridge(
  host: string,
  facts: BridgeFacts,
  { hosts, nowMs }: { readonly hosts: Store['hosts']; readonly nowMs: number },
): Promise<void> {
  const bridge = { ...summariseBridge(facts), at: nowMs };
  // The look took a while: the rest of the record may be another by now.
  await hosts.update(host, (known) => ({ ...known, facts: { ...factsOf(known), bridge } }));
}

/** What was seen of it last, of StoredHost.facts; null when nobody has looked. */
export function rememberedBridge(facts: unknown): RememberedBridge | null {
  const part = BridgePart.safeParse(facts);
  if (!part.success) return null;
  const { at, ...summary } = part.data.bridge;
  return { summary, at };
}
