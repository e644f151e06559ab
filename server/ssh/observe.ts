// What a plan of new machines needs to know before it is made. Nothing is sent to a machine whose host key is not pinned.
import { hostname } from 'node:os';
import { describeError } from '../../contract/errors.ts';
import type { ConsoleKey, NodeSighting } from '../../core/plans/nodes/add-nodes.ts';
import type { NodeTarget } from '../../core/plans/targets.ts';
import { fingerprintOf } from '../../host/ssh/known-hosts.ts';
import { scanHostKeys } from '../../host/ssh/scan.ts';
import type { Store, StoredKey } from '../ports.ts';
import { describeHostKey, lineOfHostKey, pinsOfLines } from './host-keys.ts';
import { loginByKey } from './login.ts';
import { findHost } from './sessions.ts';

const scanTimeoutMs = 10_000;
/** Machines looked at at once: each costs a login. */
export const observeLimit = 16;

/** What one machine shows now. It never throws but when cancelled: a node that does not answer is a finding. */
export async function observeSighting(
  target: NodeTarget,
  store: Pick<Store, 'hosts' | 'keys'>,
  signal: AbortSignal,
): Promise<NodeSighting> {
  const known = findHost(await store.hosts.list(), target);
  const pinned = (known?.pins ?? []).map(describeHostKey);
  const key = known?.keyId ? await store.keys.get(known.keyId) : null;
  const ownKey: ConsoleKey | null = key && { keyId: key.id, publicKey: key.publicKey };
  const unseen = { name: target.name, address: target.address, pinned, isKeyProved: false };
  try {
    const scan = await scanHostKeys(
      { host: target.address, port: target.port },
      { local: localIdentity(), timeoutMs: scanTimeoutMs, signal },
    );
    const keys = scan.keys.map((key) => ({
      line: lineOfHostKey(key),
      type: key.type,
      fingerprint: fingerprintOf(key.key),
    }));
    const isPinned = known?.pins.some((pin) => keys.some(({ line }) => line === pin)) ?? false;
    const pin = isPinned ? 'pinned' : known && known.pins.length > 0 ? 'changed' : 'unknown';
    const isKeyProved = pin === 'pinned' && known && key ? await provesKey(target, known.pins, key, signal) : false;
    return { ...unseen, keys, pin, isKeyProved, ownKey: isKeyProved ? ownKey : null, error: '' };
  } catch (error) {
    signal.throwIfAborted();
    const text = describeError(error);
    const named = text.includes(target.name) ? text : `${target.name}: ${text}`;
    return { ...unseen, keys: [], pin: known ? 'pinned' : 'unknown', ownKey, error: named };
  }
}

async function provesKey(
  target: NodeTarget,
  pins: readonly string[],
  key: StoredKey,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const parts = {
      pins: pinsOfLines(pins, 'the console'),
      consoleKey: key.privateKey,
      own: { keys: [], unusable: [] },
      local: localIdentity(),
    };
    (await loginByKey(target, parts, signal)).connection.close();
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

export function localIdentity(): string {
  return `root@${hostname().split('.')[0] ?? ''}`;
}
