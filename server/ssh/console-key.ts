// The console's own key pair for root on the nodes. One for all; the private half lies encrypted in the store.
import type { ConsoleKeyView } from '../../contract/browser/nodes.ts';
import { canSign, createSshKeyPair } from '../../host/ssh/keys.ts';
import { fingerprintOf } from '../../host/ssh/known-hosts.ts';
import type { KeyStore, Store, StoredKey } from '../ports.ts';

/** Key id of the first console key. Rotation makes others. */
const firstKeyId = 'console';

/**
 * The newest console key that a node has, else the newest of all. Made when the console has no key, or one that cannot sign:
 * no node ever let that one in.
 */
export async function newestConsoleKey(
  { keys, hosts }: Pick<Store, 'keys' | 'hosts'>,
  context: { nowMs: number; host: string },
): Promise<StoredKey> {
  const all = (await keys.list()).filter(isConsoleKey).sort((a, b) => b.addedAt - a.addedAt);
  const used = new Set((await hosts.list()).map(({ keyId }) => keyId));
  // One that no node has was made by a rotation that reached nobody.
  const newest = all.find(({ id }) => used.has(id)) ?? all[0];
  const found = newest && (await keys.get(newest.id));
  if (found && canSign(found.privateKey)) return found;
  return makeConsoleKey(keys, found?.id ?? firstKeyId, context);
}

/** Makes a key under this id. */
export async function makeConsoleKey(
  keys: KeyStore,
  id: string,
  context: { nowMs: number; host: string },
): Promise<StoredKey> {
  const pair = createSshKeyPair(`meshdeck@${context.host}`);
  const key: StoredKey = { id, label: 'Key of the console', ...pair, addedAt: context.nowMs };
  await keys.put(key);
  return key;
}

/** `type key`, without the comment. */
export function keyWords(publicKey: string): string {
  return publicKey.split(' ').slice(0, 2).join(' ');
}

export function isConsoleKey(key: { readonly id: string }): boolean {
  return key.id === firstKeyId || key.id.startsWith(`${firstKeyId}-`);
}

/** Public halves, newest first, and who has them. */
export async function listConsoleKeys({ keys, hosts }: Pick<Store, 'keys' | 'hosts'>): Promise<ConsoleKeyView[]> {
  const known = await hosts.list();
  return (await keys.list())
    .filter(isConsoleKey)
    .sort((a, b) => b.addedAt - a.addedAt)
    .map(({ id, publicKey, addedAt }) => ({
      id,
      publicKey,
      fingerprint: fingerprintOf(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')),
      addedAt,
      nodes: known.filter(({ keyId }) => keyId === id).map(({ name }) => name),
    }));
}
