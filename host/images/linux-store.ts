// The files below -filepath of this Linux host.
import { createHash, randomBytes } from 'node:crypto';
import { constants, watch as watchFolder, type BigIntStats } from 'node:fs';
import { link, lstat, mkdir, open, opendir, realpath, rename, rm, statfs, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxListedFiles } from '../../contract/limits.ts';
import { baseOf, folderOf, parseFileName, partPrefix } from '../../core/files/file-name.ts';
import { openBelow, readFileBelow, resolveBelow } from '../below.ts';
import { syncFolder, writeFileAtomic } from '../files.ts';
import type { Runner } from '../runner.ts';
import { hashOpenFile } from './hash-worker.ts';
import { createQemuImg } from './qemu-img.ts';
import type {
  FileEntry,
  FileStore,
  HashOptions,
  Listing,
  NewFile,
  OpenFile,
  OverlayBase,
  PartFile,
} from './image-store.ts';

/** Holes are found in blocks of this size: less is hardly a hole in an image's cluster. */
const holeBytes = 64 * 1024;
const zeros = Buffer.alloc(holeBytes);
/** A journal holds the hashes of all chunks (limits.ts, maxFileBytes) as text. */
const maxJournalBytes = 64 * 1024 * 1024;
/** `stat` calls under way while a folder is listed. */
const statsAtOnce = 32;
/** Folders that are watched; changes in the others are seen by the next slow look. Each costs an inotify watch. */
const maxWatched = 64;
const overlayMs = 30_000;

export function createLinuxStore(root: string, { runner }: { runner: Runner }): FileStore {
  return {
    root,
    async stat(name) {
      if (name !== '' && !(await folderBelow(root, folderOf(name)))) return null;
      const stats = await statsOf(join(root, name));
      if (!stats) return null;
      if (stats.isSymbolicLink()) throw new AppError('refused', `${name} is a symlink: it is not followed`);
      return stats.isFile() || stats.isDirectory() ? entryOf(name, stats) : null;
    },
    list: (folder, options) => listFolder(root, folder, options),
    async open(name) {
      return openFileOf(await openBelow(root, name));
    },
    async openPart(name, { bytes, journal }) {
      await makeFolders(root, folderOf(name));
      const path = await resolveBelow(root, name);
      const part = await resolveBelow(root, partNameOf(name));
      const target = await statsOf(path);
      if (target && !target.isFile())
        throw new AppError('conflict', `${name} is here, and is not a file: move it away`);
      await writeFileAtomic(`${part}.journal`, journal);
      const file = await openBelow(root, partNameOf(name), constants.O_RDWR | constants.O_CREAT);
      try {
        await file.truncate(bytes);
      } catch (error) {
        await file.close();
        throw error;
      }
      return partFileOf(file, { bytes, path, part });
    },
    async readJournal(name) {
      try {
        return await readFileBelow(root, `${partNameOf(name)}.journal`, { maxBytes: maxJournalBytes });
      } catch (error) {
        if (error instanceof AppError && error.code === 'not-found') return null;
        throw error;
      }
    },
    removeStaleParts: ({ ms }) => removeStaleParts(root, ms),
    newFile: (name) => beginFile(root, name),
    disks: createQemuImg(runner),
    async remove(name) {
      const path = await resolveBelow(root, name);
      if (!(await statsOf(path))) throw new AppError('not-found', `${name}: no such file below ${root}`);
      // Of a symlink it removes the link.
      await rm(path, { recursive: true });
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
    watch: (folders, onChange) => watchFolders(root, folders, onChange),
    createOverlay: (path, base) => createOverlay(root, path, { base, runner }),
  };
}

const alreadyThere = (name: string) => `${name} is there already: choose another name, or \`file delete\` it first`;

/** Beside the file, and of a length that does not depend on it. */
function partNameOf(name: string): string {
  const folder = folderOf(name);
  const part = `${partPrefix}${createHash('sha256').update(baseOf(name)).digest('hex').slice(0, 16)}`;
  return folder === '' ? part : `${folder}/${part}`;
}

async function statsOf(path: string): Promise<BigIntStats | null> {
  try {
    return await lstat(path, { bigint: true });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new AppError('failed', describeError(cause), { cause });
  }
}

const versionOf = ({ dev, ino, size, mtimeNs }: BigIntStats) => [dev, ino, size, mtimeNs].join('.');

const entryOf = (name: string, stats: BigIntStats): FileEntry => ({
  name,
  isFolder: stats.isDirectory(),
  bytes: Number(stats.size),
  // Units of 512 bytes, whatever the file system's block is (stat(2)).
  storedBytes: Number(stats.blocks) * 512,
  modifiedMs: Number(stats.mtimeNs / 1_000_000n),
  version: versionOf(stats),
});

/** Whether this is a folder below the root. @throws AppError `refused` when a symlink leads there */
async function folderBelow(root: string, folder: string): Promise<boolean> {
  let real: string;
  try {
    real = await realpath(join(root, folder));
  } catch {
    return false;
  }
  if (real !== join(await realpath(root), folder)) {
    throw new AppError('refused', `${folder} leads through a symlink: it is not followed`);
  }
  return (await statsOf(real))?.isDirectory() ?? false;
}

async function makeFolders(root: string, folder: string): Promise<void> {
  let made = '';
  for (const part of folder.split('/').filter(Boolean)) {
    made = made === '' ? part : `${made}/${part}`;
    const path = join(root, made);
    await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
    if (!(await folderBelow(root, made))) throw new AppError('conflict', `${made} is here, and is not a folder`);
  }
}

async function listFolder(
  root: string,
  folder: string,
  { isRecursive, most }: { readonly isRecursive: boolean; readonly most: number },
): Promise<Listing> {
  const entries: FileEntry[] = [];
  const folders = [folder];
  for (let next = folders.shift(); next !== undefined; next = folders.shift()) {
    if (!(await folderBelow(root, next))) continue;
    const names: string[] = [];
    let isCut = false;
    for await (const found of await opendir(join(root, next), { bufferSize: 256 })) {
      const name = next === '' ? found.name : `${next}/${found.name}`;
      // Symlinks, devices, our own part files, and names that nobody could write in a command are as good as not there.
      if (!(found.isFile() || found.isDirectory()) || !parseFileName(name).ok) continue;
      if (entries.length + names.length >= most) {
        isCut = true;
        break;
      }
      names.push(name);
    }
    for (let at = 0; at < names.length; at += statsAtOnce) {
      const some = names.slice(at, at + statsAtOnce);
      const stats = await Promise.all(some.map((name) => statsOf(join(root, name))));
      for (const [index, name] of some.entries()) {
        const found = stats[index];
        // It went meanwhile.
        if (!found) continue;
        entries.push(entryOf(name, found));
        if (isRecursive && found.isDirectory()) folders.push(name);
      }
    }
    if (isCut) return { entries, isCut };
  }
  return { entries, isCut: false };
}

async function removeStaleParts(root: string, beforeMs: number): Promise<number> {
  const { entries } = await listFolder(root, '', { isRecursive: true, most: maxListedFiles });
  let count = 0;
  for (const folder of ['', ...entries.flatMap(({ isFolder, name }) => (isFolder ? [name] : []))]) {
    for await (const { name } of await opendir(join(root, folder))) {
      if (!name.startsWith(partPrefix) || name.endsWith('.journal')) continue;
      const path = join(root, folder, name);
      const stats = await statsOf(path);
      if (!stats?.isFile() || Number(stats.mtimeMs) >= beforeMs) continue;
      await rm(path, { force: true });
      await rm(`${path}.journal`, { force: true });
      count += 1;
    }
  }
  return count;
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(buffer, got, length - got, offset + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return buffer.subarray(0, got);
}

async function openFileOf(file: FileHandle): Promise<OpenFile> {
  const stats = await file.stat({ bigint: true });
  const bytes = Number(stats.size);
  return {
    bytes,
    modifiedMs: Number(stats.mtimeNs / 1_000_000n),
    version: versionOf(stats),
    read: (offset, length) => readAt(file, offset, length),
    hash: (options: HashOptions) => hashOpenFile(file.fd, { ...options, bytes }),
    close: () => file.close(),
  };
}

function partFileOf(
  file: FileHandle,
  { bytes, path, part }: { readonly bytes: number; readonly path: string; readonly part: string },
): PartFile {
  const forget = async () => {
    await rm(`${part}.journal`, { force: true });
  };
  return {
    bytes,
    async allocatedBytes() {
      return (await file.stat()).blocks * 512;
    },
    read: (offset, length) => readAt(file, offset, length),
    async write(offset, data) {
      for (let at = 0; at < data.length; at += holeBytes) {
        const block = data.subarray(at, at + holeBytes);
        const hole = zeros.subarray(0, block.length);
        // What an earlier try left there is no hole.
        if (block.equals(hole) && (await readAt(file, offset + at, block.length)).equals(hole)) continue;
        await file.write(block, 0, block.length, offset + at);
      }
    },
    hash: (options: HashOptions) => hashOpenFile(file.fd, { ...options, bytes }),
    async publish({ modifiedMs }) {
      await file.utimes(modifiedMs / 1000, modifiedMs / 1000);
      await file.sync();
      await file.close();
      await rename(part, path);
      await syncFolder(dirname(path));
      await forget();
    },
    close: () => file.close(),
    async discard() {
      await file.close();
      await rm(part, { force: true });
      await forget();
    },
  };
}

async function beginFile(root: string, name: string): Promise<NewFile> {
  const folder = folderOf(name);
  await makeFolders(root, folder);
  const target = await resolveBelow(root, name);
  const found = await statsOf(target);
  if (found && !found.isFile()) throw new AppError('conflict', `${name} is here, and is not a file: move it away`);
  // Its name keeps it out of listings, and what a crash leaves goes with other old parts.
  const path = join(root, folder, `${partPrefix}new-${randomBytes(8).toString('hex')}`);
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  let end = 0;
  let isOver = false;
  const discard = async () => {
    if (isOver) return;
    isOver = true;
    await file.close();
    await rm(path, { force: true });
  };
  return {
    path,
    async append(data) {
      for (let at = 0; at < data.length; at += holeBytes) {
        const block = data.subarray(at, at + holeBytes);
        if (!block.equals(zeros.subarray(0, block.length))) await file.write(block, 0, block.length, end + at);
      }
      end += data.length;
    },
    async publish({ mayReplace }) {
      try {
        // A hole at the end.
        if (end > (await file.stat()).size) await file.truncate(end);
        await file.sync();
        if (mayReplace) await rename(path, target);
        else await link(path, target);
      } catch (cause) {
        await discard();
        const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
        throw isThere ? new AppError('conflict', alreadyThere(name), { cause }) : cause;
      }
      await discard();
      await syncFolder(dirname(target));
    },
    discard,
  };
}

function watchFolders(root: string, folders: readonly string[], onChange: () => void): () => void {
  const watchers = folders.slice(0, maxWatched).flatMap((folder) => {
    try {
      const watcher = watchFolder(join(root, folder), { persistent: false }, onChange);
      // The folder went, or the system has no watches left: the slow look finds what changed.
      watcher.on('error', () => watcher.close());
      return [watcher];
    } catch {
      return [];
    }
  });
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}

async function createOverlay(
  root: string,
  path: string,
  { base, runner }: { readonly base: OverlayBase; readonly runner: Runner },
): Promise<void> {
  const file = await openBelow(root, base.name);
  await file.close();
  // Absolute paths: QEMU takes no word before a colon in them for a protocol.
  const argv = ['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', join(root, base.name), '-F', base.format, path];
  await runner.run(argv, { timeoutMs: overlayMs });
  // What qemu-img made is the VM's disk from now on, also after a power cut.
  const made = await open(path, 'r');
  try {
    await made.sync();
  } finally {
    await made.close();
  }
}
