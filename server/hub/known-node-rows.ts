// What clients receive about the nodes that the console reaches over SSH: nothing about keys, pins or sudo.
import { NodeChecks } from '../../contract/known-nodes.ts';
import type { KnownNode, KnownNodesChange } from '../../contract/known-nodes.ts';
import { missingPackages } from '../../core/plans/nodes/preflight.ts';
import { rememberedBridge } from '../plans/bridge/remember.ts';
import { Coalescer } from '../fleet/coalescer.ts';
import type { HostStore, StoredHost } from '../ports.ts';

/** A run over many nodes changes each of them several times. */
const periodMs = 100;

export function knownNodeOf({ id, name, addresses, port, user, cluster, addedAt, facts }: StoredHost): KnownNode {
  const checks = rememberedChecks(facts);
  return {
    id,
    name,
    addresses: [...addresses],
    port,
    user,
    cluster,
    addedAt,
    bridge: rememberedBridge(facts),
    checkedAt: checks?.at ?? null,
    missing: missingPackages(checks?.findings ?? []),
  };
}

/** What the last look at the machine found (machine-actions.ts), of StoredHost.facts; null when nobody has looked. */
export function rememberedChecks(facts: unknown): NodeChecks | null {
  return NodeChecks.safeParse(facts).data ?? null;
}

/** Reports changes, at most ten times a second. Returns the function that ends it. */
export function followKnownNodes(
  hosts: Pick<HostStore, 'onChanged'>,
  tell: (change: KnownNodesChange) => void,
): () => void {
  const pending = new Map<string, KnownNode | null>();
  const turn = new Coalescer(
    { periodMs },
    {
      run: () => {
        const all = [...pending];
        pending.clear();
        tell({
          changed: all.flatMap(([, node]) => node ?? []),
          gone: all.flatMap(([id, node]) => (node ? [] : [id])),
        });
      },
    },
  );
  const stop = hosts.onChanged((id, host) => {
    pending.set(id, host && knownNodeOf(host));
    turn.trigger();
  });
  return () => {
    stop();
    turn.stop();
  };
}
