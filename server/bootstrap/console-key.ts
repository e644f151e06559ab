// The console's own key pair for root on the nodes. One for all; the private half lies encrypted in the store.
import { createSshKeyPair } from '../../host/ssh/keys.ts';
import type { KeyStore, StoredKey } from '../ports.ts';

/** Key id of the first console key. Rotation makes others. */
const firstKeyId = 'console';

/** The newest console key; made when there is none. */
export async function ensureConsoleKey(keys: KeyStore, context: { nowMs: number; host: string }): Promise<StoredKey> {
  const newest = (await keys.list()).filter(isConsoleKey).sort((a, b) => b.addedAt - a.addedAt)[0];
  const found = newest && (await keys.get(newest.id));
  return found ?? makeConsoleKey(keys, firstKeyId, context);
}

/** Makes a key under this id, or gives the one that is there. */
export async function makeConsoleKey(
  keys: KeyStore,
  id: string,
  context: { nowMs: number; host: string },
): Promise<StoredKey> {
  const found = await keys.get(id);
  if (found) return found;
  const pair = createSshKeyPair(`meshdeck@${context.host}`);
  const key: StoredKey = { id, label: 'Key of the console', ...pair, addedAt: context.nowMs };
  await keys.put(key);
  return key;
}

export function isConsoleKey(key: { readonly id: string }): boolean {
  return key.id === firstKeyId || key.id.startsWith(`${firstKeyId}-`);
}
