// Lets a VM's user read its images, and write to a disk that is its own. Owns modes and owners of files below -filepath; nothing else is
// changed there.
//
// A file that everyone may read stays as it is. Another one gets the group of images and its right to read; its owner and the rest of its mode
// stay. A disk without snapshot belongs to the user of the VM that ran last; root reads and writes it all the same. Folders on the way let everyone pass, but not list. (ACLs would say the same
// more finely, but setfacl is not among what the guide asks of a node.)
import { chmod, chown, lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { resolveBelow } from '../below.ts';
import { imagesGroup } from './launcher.ts';

/**
 * Makes every folder above `path` let others pass. Folders at or below `ours` get that right; another one is an error.
 * @throws AppError `refused` that names the folder
 */
export async function ensurePassable(path: string, ours: string): Promise<void> {
  const folders: string[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of folders) {
    const { mode } = await stat(folder);
    if ((mode & 0o001) !== 0) continue;
    if (folder !== ours && !folder.startsWith(`${ours}/`)) {
      throw new AppError(
        'refused',
        `each VM runs as its own user, and ${folder} lets no other user pass: chmod o+x ${folder}`,
      );
    }
    await chmod(folder, (mode & 0o7777) | 0o001);
  }
}

/**
 * Lets every VM's user read a file below `filesPath`.
 * @throws AppError `refused` for a file elsewhere or behind a symlink, `not-found`, `invalid` for anything but a regular file
 */
export async function grantRead(path: string, filesPath: string): Promise<void> {
  const { mode, gid } = await observeImage(path, filesPath);
  await ensurePassable(path, filesPath);
  if ((mode & 0o004) !== 0) return;
  if (gid !== imagesGroup) await chown(path, -1, imagesGroup);
  await chmod(path, (mode & 0o7777) | 0o040);
}

/** Makes a disk below `filesPath` belong to the user of the one VM that writes it. @throws as grantRead */
export async function grantWrite(path: string, filesPath: string, user: number): Promise<void> {
  const { mode } = await observeImage(path, filesPath);
  await ensurePassable(path, filesPath);
  await chown(path, user, -1);
  await chmod(path, (mode & 0o7777) | 0o600);
}

async function observeImage(path: string, filesPath: string) {
  await resolveBelow(filesPath, path);
  const found = await lstat(path).catch((cause: unknown) => {
    throw new AppError('not-found', `${path}: no such file on this node`, { cause });
  });
  if (!found.isFile()) throw new AppError('invalid', `${path} is not a regular file`);
  return found;
}
