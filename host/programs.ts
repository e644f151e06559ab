// Which programs this machine has.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Where programs of a distribution lie, whatever PATH a daemon was started with. */
const usualFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Absolute path of a program by its bare name; null when this machine has none. */
export async function findProgram(name: string): Promise<string | null> {
  if (name === '' || name.includes('/') || name.includes('\0')) return null;
  const folders = new Set([
    ...(process.env['PATH'] ?? '').split(':').filter((path) => path.startsWith('/')),
    ...usualFolders,
  ]);
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** Those of these programs that this machine has not. */
export async function missingPrograms(names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map(async (name) => ((await findProgram(name)) === null ? [name] : [])));
  return found.flat();
}
