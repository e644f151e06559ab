// The path of the command socket: `<base>/meshd`, root's alone, and the link `<base>/minimega` for minimega's clients.
// Owns the rule "one daemon per base": a dead daemon's socket is replaced, a living one's never.
import { chmod, link, lstat, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { join } from 'node:path';
import { AppError, describeError } from '../../contract/errors.ts';

/** sun_path holds 108 bytes with its zero (unix(7)). */
const maxPathBytes = 107;

export interface ClaimedSocket {
  readonly path: string;
  /** Removes the path and the link, if they are still ours. */
  release(): Promise<void>;
}

/**
 * Makes `server` listen at `<base>/meshd` with mode 0600. The path appears only once the server listens.
 * @throws AppError `conflict` when a daemon answers there, `failed` when the base cannot be used.
 */
export async function claimSocket(server: Server, base: string): Promise<ClaimedSocket> {
  const path = join(base, 'meshd');
  const temporary = join(base, `.m${process.pid}`);
  const alias = join(base, 'minimega');
  if (Buffer.byteLength(temporary) > maxPathBytes) {
    throw new AppError('invalid', `-base ${base} is too long for a socket: at most ${maxPathBytes - 9} bytes`);
  }
  try {
    await mkdir(base, { recursive: true, mode: 0o755 });
    await assertAliasFree(alias);
    await removeDead(path, base);
    await rm(temporary, { force: true });
    await listen(server, temporary);
    await chmod(temporary, 0o600);
    // A link fails when another daemon was faster, where a rename would push it aside.
    await link(temporary, path).catch((cause: unknown) => {
      throw errorCode(cause) === 'EEXIST' ? runsAlready(path, base) : cause;
    });
    await rm(temporary);
    await symlink('meshd', temporary);
    await rename(temporary, alias);
  } catch (cause) {
    await new Promise((resolve) => server.close(resolve));
    await rm(temporary, { force: true }).catch(() => undefined);
    if (cause instanceof AppError) throw cause;
    throw new AppError('failed', `cannot listen in -base ${base}: ${describeError(cause)}`, { cause });
  }
  const { ino } = await lstat(path);
  return {
    path,
    release: async () => {
      const now = await lstat(path).catch(() => null);
      if (now?.ino !== ino) return;
      await rm(path, { force: true });
      if ((await readlink(alias).catch(() => '')) === 'meshd') await rm(alias, { force: true });
    },
  };
}

/** Moves the socket of a dead daemon out of the way. */
async function removeDead(path: string, base: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (!found) return;
  if (!found.isSocket()) throw new AppError('conflict', `${path} is in the way and is not a socket: remove it`);
  if (await isAlive(path)) throw runsAlready(path, base);
  const aside = `${path}.${process.pid}`;
  await rename(path, aside);
  const moved = await lstat(aside);
  if (moved.ino !== found.ino) {
    // Another daemon claimed the path between the look and the move: give it back.
    await link(aside, path).catch(() => undefined);
    await rm(aside, { force: true });
    throw runsAlready(path, base);
  }
  await rm(aside);
}

async function assertAliasFree(alias: string): Promise<void> {
  const found = await lstat(alias).catch(() => null);
  if (!found || found.isSymbolicLink()) return;
  if (!found.isSocket() || (await isAlive(alias))) {
    throw new AppError('conflict', `${alias} is not ours: a minimega uses this directory; give meshd another -base`);
  }
}

function runsAlready(path: string, base: string): AppError {
  return new AppError(
    'conflict',
    `a meshd already runs on -base ${base}: it answers at ${path}; stop it with \`meshd -base ${base} -e quit\`, or give another -base`,
    { detail: { alreadyRunning: true } },
  );
}

/** Whether someone listens. A listener whose queue is full is alive; one that is gone refuses. */
async function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = errorCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      else if (code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
