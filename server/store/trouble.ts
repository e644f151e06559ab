// What is wrong with the disk or the database, in words for the person who runs the console: SQLite and the kernel name a
// code, and the person needs the file and the way out.
import { existsSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { AppError } from '../../contract/errors.ts';

/** How a person gets back what a console had, or begins with nothing. */
export function wayOut(dataPath: string): string {
  return (
    `To get the console back, move the folder away (mv ${dataPath} ${dataPath}.old) and restore a backup: ` +
    `meshdeck --data ${dataPath} restore <file>. To begin with nothing, without its users, nodes and keys, move the folder away and start again.`
  );
}

/** Null when the error is not about the disk or the database. `path` is the database, or what else was opened. */
export function explainTrouble(error: unknown, path: string): AppError | null {
  const dataPath = dirname(path);
  for (const { code, message } of codesOf(error)) {
    const text = explainCode(code, message, { path, dataPath });
    if (text !== null) return new AppError('failed', text, { cause: error });
  }
  return null;
}

export function isMissing(error: unknown): boolean {
  return codesOf(error).some(({ code }) => code === 'ENOENT');
}

function explainCode(
  code: string,
  message: string,
  { path, dataPath }: { path: string; dataPath: string },
): string | null {
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') return describeFullDisk(dataPath);
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return `${path} is damaged (${message}). ${wayOut(dataPath)}`;
  }
  if (code === 'EROFS' || code.startsWith('SQLITE_READONLY')) {
    return `${path} cannot be written (${message}): is its file system mounted read-only? Run: findmnt -T ${dataPath}`;
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'SQLITE_PERM') {
    return `${path} cannot be used by ${userInfo().username} (${message}): start the console as the owner of ${dataPath}, or change the owner.`;
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return `${path} is locked by another program, such as sqlite3 or a copy at work. End it and try again; this shows it: fuser -v ${path}`;
  }
  // SQLite gives these for a full disk too, where it cannot make the files of its write-ahead log.
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN')) {
    if ((freeBytes(dataPath) ?? Infinity) < 256 * 1024) return describeFullDisk(dataPath);
    return `${path} cannot be read or written (${message}, ${code}). Look at the disk's health: dmesg | tail`;
  }
  return null;
}

function describeFullDisk(dataPath: string): string {
  const free = freeBytes(dataPath);
  return (
    `The disk that holds ${dataPath} is full${free === null ? '' : ` (${Math.floor(free / 1024)} kB free)`}. Nothing was changed. ` +
    `Free some megabytes there, for example old backups, logs and images (df -h ${dataPath} names the disk; du -xh / | sort -h | tail shows what is large on it), then try again.`
  );
}

function freeBytes(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(existsSync(path) ? path : dirname(path));
    return bavail * bsize;
  } catch {
    return null;
  }
}

/** Of an error and its causes: Prisma puts SQLite's own code inside that of its driver. */
function codesOf(error: unknown, depth = 0): { code: string; message: string }[] {
  if (depth > 6 || typeof error !== 'object' || error === null) return [];
  const get = (name: string): unknown => (error as Record<string, unknown>)[name];
  const message = get('originalMessage') ?? get('message');
  const own = [get('code'), get('originalCode')].filter((code) => typeof code === 'string');
  return [
    ...['cause', 'meta', 'driverAdapterError'].flatMap((name) => codesOf(get(name), depth + 1)),
    ...own.map((code) => ({ code, message: typeof message === 'string' ? message.slice(0, 500) : '' })),
  ];
}
