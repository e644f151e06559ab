// Looks at a database before the console uses it: a file that is damaged, empty or another program's is refused with the way
// out, and so is one whose secrets the key file does not open.
import Database from 'better-sqlite3';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { AppError } from '../../contract/errors.ts';
import { keyFileName, type SecretBox } from './key-file.ts';
import { keyPlace } from './records.ts';
import { isMissing, wayOut } from './trouble.ts';

export const databaseHeader = 'SQLite format 3\0';
/** Up to here every page is looked at: 0.5 s for 100 MB. A start is not to wait longer; above it, a read of a bad page says so. */
const maxCheckedBytes = 256 * 1024 ** 2;
/** A sealed word in the settings: the key that opens it is this database's. */
const keyCheck = { setting: 'key-check', place: 'key check', word: 'meshdeck' };

export type DatabaseKind = 'missing' | 'empty' | 'folder' | 'other' | 'database';

export async function kindOfDatabase(path: string): Promise<DatabaseKind> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (!file) return 'missing';
  try {
    const found = await file.stat();
    if (found.isDirectory()) return 'folder';
    if (!found.isFile()) return 'other';
    if (found.size === 0) return 'empty';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(databaseHeader.length), 0, databaseHeader.length, 0);
    return buffer.toString('latin1', 0, bytesRead) === databaseHeader ? 'database' : 'other';
  } finally {
    await file.close();
  }
}

/** @throws AppError `failed` for one that is damaged, `not-found` without tables, `invalid` for another program's. */
export function checkDatabase(path: string): void {
  withDatabase(path, (database) => {
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all() as string[];
    if (tables.length === 0) throw isGone(path, 'holds no tables');
    if (!tables.includes('_prisma_migrations')) {
      throw new AppError('invalid', `${path} is not the database of a console. ${wayOut(dirname(path))}`);
    }
    const bytes =
      (database.pragma('page_count', { simple: true }) as number) *
      (database.pragma('page_size', { simple: true }) as number);
    if (bytes > maxCheckedBytes) return;
    const [first] = database.pragma('quick_check(1)') as { quick_check: string }[];
    if (first?.quick_check !== 'ok') throw isDamaged(path, first?.quick_check ?? 'no answer');
  });
}

/** Checks that this is the database's key. A database without the check word is judged by an SSH key, and gets the word. */
export function checkKey(path: string, box: SecretBox): void {
  withDatabase(path, (database) => {
    const sealed = database.prepare('SELECT value FROM Setting WHERE key = ?').pluck().get(keyCheck.setting) as
      string | undefined;
    const sshKey = database.prepare('SELECT id, sealed FROM SshKey LIMIT 1').get() as
      { id: string; sealed: string } | undefined;
    try {
      if (sealed !== undefined) box.open(sealed, keyCheck.place);
      else if (sshKey) box.open(sshKey.sealed, keyPlace(sshKey.id));
    } catch (cause) {
      throw new AppError(
        'invalid',
        `${dirname(path)}/${keyFileName} is not the key that ${basename(path)} beside it was encrypted with. Put the right key back. ${wayOut(dirname(path))}`,
        { cause },
      );
    }
    if (sealed !== undefined) return;
    database
      .prepare('INSERT INTO Setting (key, value) VALUES (?, ?)')
      .run(keyCheck.setting, box.seal(keyCheck.word, keyCheck.place));
  });
}

export function isGone(path: string, what: string): AppError {
  return new AppError(
    'not-found',
    `${path} ${what}, but a console was set up here (${keyFileName} or a write-ahead log is beside it). A new console does not start over it. ${wayOut(dirname(path))}`,
  );
}

export function isDamaged(path: string, reason: string): AppError {
  return new AppError(
    'failed',
    `${path} is damaged (${reason.replaceAll(/\s+/g, ' ').slice(0, 200)}). ${wayOut(dirname(path))}`,
  );
}

function withDatabase(path: string, work: (database: Database.Database) => void): void {
  const database = new Database(path, { timeout: 5_000, fileMustExist: true });
  try {
    work(database);
  } finally {
    database.close();
  }
}
