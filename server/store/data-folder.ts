// The data folder: who may read it, and who holds it. One process at a time acts on it (the console, or the CLI without
// one); `meshdeck admin reset` only writes a line to the database and needs no hold.
import { createHash } from 'node:crypto';
import { access, chmod, constants, mkdir, open, realpath, rename, rm, stat, truncate } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, describeError } from '../../contract/errors.ts';
import { syncFolder } from '../../host/files.ts';
import { checkDatabase, checkKey, isDamaged, isGone, kindOfDatabase } from './check-database.ts';
import { keyFileName, openKeyFile, type SecretBox } from './key-file.ts';
import { applyMigrations } from './migrations.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { explainTrouble, isMissing, wayOut } from './trouble.ts';
import type { ConsoleStore } from './types.ts';

export const databaseName = 'meshdeck.db';
/** Of a first start, until it is whole. */
const newDatabaseName = `${databaseName}.new`;
const secretFiles = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`, keyFileName, 'tls/console.key'];
export const migrationsPath = new URL('../../prisma/migrations', import.meta.url).pathname;

/**
 * Makes the folder when it does not exist, for its owner only. Returns what was open to others before.
 * @throws AppError `failed` when it cannot be made or written.
 */
export async function prepareDataFolder(dataPath: string): Promise<string[]> {
  try {
    await mkdir(dataPath, { recursive: true, mode: 0o700 });
    const notes = await closeToOthers(dataPath, 0o700);
    await access(dataPath, constants.R_OK | constants.W_OK | constants.X_OK);
    return notes;
  } catch (cause) {
    const known = explainTrouble(cause, join(dataPath, databaseName));
    const reason = known?.message ?? `cannot use the data folder ${dataPath}: ${describeError(cause)}.`;
    throw new AppError('failed', `${reason} Another folder is named with --data or MESHDECK_DATA.`, { cause });
  }
}

export interface OpenedFolder {
  readonly store: ConsoleStore;
  readonly box: SecretBox;
  /** Migrations. */
  readonly applied: string[];
  /** What was open to others and no longer is: for the log. */
  readonly notes: string[];
}

/**
 * Key file and database of a folder; migrations are applied. Only in a folder without either is a new one made.
 * @throws AppError saying which file cannot be used, why, and what to do
 */
export async function openDataFolder(dataPath: string): Promise<OpenedFolder> {
  const databasePath = join(dataPath, databaseName);
  const notes = await prepareDataFolder(dataPath);
  try {
    const isNew = await judgeFolder(dataPath);
    for (const name of secretFiles) notes.push(...(await closeToOthers(join(dataPath, name), 0o600)));
    const box = await openKeyFile(dataPath, { isNew });
    const made = isNew ? await makeDatabase(databasePath, box) : [];
    if (!isNew) checkDatabase(databasePath);
    const store = await openSqliteStore({ databasePath, migrationsPath, box });
    return { store, box, applied: [...made, ...store.applied], notes };
  } catch (error) {
    throw explainTrouble(error, databasePath) ?? error;
  }
}

/** True: nothing was ever here. @throws AppError when a console was, and its database is not */
async function judgeFolder(dataPath: string): Promise<boolean> {
  const path = join(dataPath, databaseName);
  const kind = await kindOfDatabase(path);
  if (kind === 'database') return false;
  if (kind === 'folder') throw new AppError('invalid', `${path} is a folder, not a database. ${wayOut(dataPath)}`);
  if (kind === 'other') throw isDamaged(path, 'it does not begin as a database does');
  const isThere = async (name: string) => (await stat(join(dataPath, name)).catch(() => null)) !== null;
  // A first start makes this one before the key file and renames it at its end: it was cut off, and nothing is lost.
  if (kind === 'missing' && (await isThere(newDatabaseName)) && !(await isThere(`${databaseName}-wal`))) return true;
  const leftovers = await Promise.all([keyFileName, `${databaseName}-wal`].map(isThere));
  if (kind === 'empty' || leftovers.includes(true)) throw isGone(path, kind === 'empty' ? 'is empty' : 'is missing');
  await (await open(join(dataPath, newDatabaseName), 'a', 0o600)).close();
  return true;
}

/** A whole database in one rename: no kill leaves half of one. */
async function makeDatabase(path: string, box: SecretBox): Promise<string[]> {
  const newPath = join(path, '..', newDatabaseName);
  for (const suffix of ['-wal', '-shm', '-journal']) await rm(`${newPath}${suffix}`, { force: true });
  await truncate(newPath, 0);
  const applied = await applyMigrations(newPath, migrationsPath);
  checkKey(newPath, box);
  await rename(newPath, path);
  await syncFolder(join(path, '..'));
  return applied;
}

/** Tells what others could read; nothing where nobody could, or where there is no such file. */
async function closeToOthers(path: string, mode: number): Promise<string[]> {
  const found = await stat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (!found || (found.mode & 0o077) === 0 || (mode === 0o600 && !found.isFile())) return [];
  await chmod(path, mode);
  const had = `0${(found.mode & 0o777).toString(8)}`;
  const read = mode === 0o700 ? 'could be entered' : 'could be read';
  return [
    `${path} ${read} by other users of this machine (mode ${had}): its mode is 0${mode.toString(8)} now. ${whatLeaked(path)}`,
  ];
}

function whatLeaked(path: string): string {
  if (path.endsWith('.key'))
    return 'Anyone who copied it can open what it protects: make new keys if that is possible.';
  if (path.includes(databaseName))
    return 'It holds password hashes and the audit log: change passwords if someone may have copied it.';
  return 'Look who could.';
}

/**
 * Takes hold of the folder until the given function is called or the process ends, however it ends: the hold is a listening
 * socket with a name made of the folder's, which the kernel drops with the process.
 * @throws AppError `conflict`, naming who holds it.
 */
export async function holdDataFolder(dataPath: string, holder: string): Promise<() => Promise<void>> {
  const name = `meshdeck-${createHash('sha256')
    .update(await realpath(dataPath))
    .digest('hex')
    .slice(0, 32)}`;
  // Linux has names outside the file system; elsewhere a file is left behind by a kill and must be removed by hand.
  const address = process.platform === 'linux' ? `\0${name}` : join(tmpdir(), name);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${holder} (process ${process.pid})`);
  });
  try {
    await listen(server, address);
  } catch (cause) {
    const who = await askHolder(address);
    throw new AppError(
      'conflict',
      `${dataPath} is in use by ${who}: stop it first, or talk to it instead (meshdeck --console <its address>, with a token of ` +
        'its Settings page in MESHDECK_TOKEN)',
      { cause },
    );
  }
  server.unref();
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
    });
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function askHolder(address: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const done = () => resolve(text === '' ? 'another process' : text);
    const socket = connect(address);
    socket.setEncoding('utf8').setTimeout(1_000, () => socket.destroy());
    socket.on('data', (part: string) => {
      text = (text + part).slice(0, 200);
    });
    socket.on('error', () => undefined).on('close', done);
  });
}
