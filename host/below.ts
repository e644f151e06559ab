// Files that a command names: below one directory only, never through a symlink, never a device or a pipe.
import { constants } from 'node:fs';
import { open, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { AppError, describeError } from '../contract/errors.ts';

/**
 * Absolute path of `name` below `root`, for a file that is about to be written by write-to-temp and rename (which replaces
 * a symlink and does not follow it).
 * @throws AppError `refused` when it lies elsewhere, also by a symlink on the way; `not-found` when its folder is missing.
 */
export async function resolveBelow(root: string, name: string): Promise<string> {
  const { path, inside } = placeBelow(root, name);
  let folder: string;
  try {
    folder = await realpath(dirname(path));
  } catch (cause) {
    throw new AppError('not-found', `${name}: its folder does not exist below ${root}`, { cause });
  }
  if (folder !== dirname(join(await realpath(root), inside))) {
    throw new AppError('refused', `${name} leads through a symlink: it is not followed`);
  }
  return path;
}

/**
 * Text of `name`, which lies below `root` (a relative name starts there).
 * @throws AppError `refused` when it lies elsewhere, also by a symlink; `not-found`; `invalid` when it is not a regular file
 * or has more than `maxBytes`.
 */
export async function readFileBelow(root: string, name: string, { maxBytes }: { maxBytes: number }): Promise<string> {
  const file = await openBelow(root, name);
  try {
    const stats = await file.stat();
    if (stats.size > maxBytes) throw new AppError('invalid', `${name} has ${stats.size} bytes, more than ${maxBytes}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/**
 * Opens the regular file `name` below `root`, for reading unless `flags` (O_RDWR, say) are given.
 * @throws AppError `refused` when it lies elsewhere, also by a symlink; `not-found`; `invalid` when it is not a regular file
 */
export async function openBelow(root: string, name: string, flags: number = constants.O_RDONLY): Promise<FileHandle> {
  const { path, inside } = placeBelow(root, name);
  let file;
  try {
    // O_NONBLOCK: opening a pipe that nobody writes to would wait forever.
    file = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new AppError('not-found', `${name}: no such file below ${root}`, { cause });
    }
    if (code === 'ELOOP') throw new AppError('refused', `${name} is a symlink: it is not followed`, { cause });
    throw new AppError('failed', `cannot open ${name}: ${describeError(cause)}`, { cause });
  }
  try {
    // The file that was really opened, even after a rename meanwhile: a directory on the way may be a symlink too.
    const opened = await readlink(`/proc/self/fd/${file.fd}`);
    if (opened !== join(await realpath(root), inside)) {
      throw new AppError('refused', `${name} leads through a symlink: it is not followed`);
    }
    if (!(await file.stat()).isFile()) throw new AppError('invalid', `${name} is not a regular file`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function placeBelow(root: string, name: string): { path: string; inside: string } {
  const path = resolve(root, name);
  const inside = relative(root, path);
  if (inside === '' || inside === '..' || inside.startsWith('../') || name.includes('\0')) {
    throw new AppError('refused', `${name}: only files below ${root} can be named here`);
  }
  return { path, inside };
}
