// The scripts that a bridge transaction puts on its node, in parts that are joined in this order.
import { readFile } from 'node:fs/promises';

const shared = ['common', 'network', 'owner', 'owner-networkmanager', 'owner-networkd', 'files', 'finish'];
const phases = ['begin', 'drive', 'snapshot', 'guard', 'change', 'checks', 'decide', 'report'];
export const partsOfScript = [...shared, 'hand-over', 'next-boot', 'prove', ...phases, 'transaction'];
export const partsOfRollback = [...shared, 'rollback'];

/** The text of these parts. The console alone places transactions, and runs from source: meshd's bundle has none of them. */
export async function readParts(names: readonly string[]): Promise<string> {
  const parts = await Promise.all(names.map((name) => readFile(new URL(`./${name}.sh`, import.meta.url), 'utf8')));
  return parts.join('\n');
}
