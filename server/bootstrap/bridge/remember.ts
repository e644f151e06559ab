// What of a look at a node's network the console remembers for pages.
import { z } from 'zod';
import { BridgeSummary } from '../../../contract/bridge.ts';
import type { BridgeFacts } from '../../../core/plans/bridge/facts.ts';
import { summariseBridge } from '../../../core/plans/bridge/summary.ts';
import { defaultBridgeTimes } from '../../../core/plans/bridge/transaction.ts';
import type { NodeTarget } from '../../../core/plans/targets.ts';
import type { ActionParts } from '../action.ts';

/** The part of StoredHost.facts that is the bridge's. */
export const RememberedBridge = z.object({ bridge: BridgeSummary.extend({ at: z.number() }) });

export async function rememberBridge(
  target: NodeTarget,
  facts: BridgeFacts,
  { sessions, store, now }: Pick<ActionParts, 'sessions' | 'store' | 'now'>,
): Promise<void> {
  const host = await sessions.hostOf(target);
  if (!host) return;
  const bridge = { ...summariseBridge(facts, { capSeconds: defaultBridgeTimes.cap }), at: now() };
  const others = typeof host.facts === 'object' && host.facts !== null ? host.facts : {};
  await store.hosts.put({ ...host, facts: { ...others, bridge } });
}
