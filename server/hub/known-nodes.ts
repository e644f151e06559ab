// What clients hear of the nodes that the console reaches over SSH: nothing of keys, pins or sudo.
import type { KnownNode, KnownNodesChange } from '../../contract/known-nodes.ts';
import { rememberedBridge } from '../bootstrap/bridge/remember.ts';
import { Coalescer } from '../fleet/coalescer.ts';
import type { HostStore, StoredHost } from '../ports.ts';

/** A run over many nodes changes each of them several times. */
const periodMs = 100;

export function knownNodeOf({ id, name, addresses, user, cluster, addedAt, facts }: StoredHost): KnownNode {
  return { id, name, addresses: [...addresses], user, cluster, addedAt, bridge: rememberedBridge(facts) };
}

/** Tells of what changed, ten times a second at most. Returns what ends it. */
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
