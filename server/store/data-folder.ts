// The data folder: who may read it, and who holds it. One process at a time acts on it (the console, or the CLI without
// one); `meshdeck admin reset` only writes a line to the database and needs no hold.
import { createHash } from 'node:crypto';
import { chmod, mkdir, realpath, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, describeError } from '../../contract/errors.ts';
import { openKeyFile } from './key-file.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { SecretBox } from './key-file.ts';
import type { ConsoleStore } from './types.ts';

export const databaseName = 'meshdeck.db';
export const migrationsPath = new URL('../../prisma/migrations', import.meta.url).pathname;

/** Makes it where there is none. @throws AppError `failed` when it cannot be made or written. */
export async function prepareDataFolder(dataPath: string): Promise<void> {
  try {
    await mkdir(dataPath, { recursive: true, mode: 0o700 });
    if (((await stat(dataPath)).mode & 0o077) !== 0) await chmod(dataPath, 0o700);
  } catch (cause) {
    throw new AppError(
      'failed',
      `cannot use the data folder ${dataPath}: ${describeError(cause)}. Name another one with --data or MESHDECK_DATA.`,
      { cause },
    );
  }
}

/** Key file and database of a folder; migrations are applied. */
export async function openDataFolder(
  dataPath: string,
): Promise<{ store: ConsoleStore; box: SecretBox; applied: string[] }> {
  await prepareDataFolder(dataPath);
  const databasePath = join(dataPath, databaseName);
  const isNew = (await stat(databasePath).catch(() => null)) === null;
  const box = await openKeyFile(dataPath, { isNew });
  const store = await openSqliteStore({ databasePath, migrationsPath, box });
  return { store, box, applied: store.applied };
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
