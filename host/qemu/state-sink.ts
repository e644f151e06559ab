// A socket that a VM's QEMU writes its memory to: its sandbox lets it start no program and open no file of ours. Owns who may connect, which is
// that VM's user alone, and that the socket is gone afterwards. The folder is root's, so that a guest that broke out can put no link there.
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { AppError, describeError } from '../../contract/errors.ts';
import { ensurePassable } from './image-access.ts';

export interface StateSink {
  /** Address as QEMU's `migrate` takes it. */
  readonly uri: string;
  /** Settles once the one connection has ended and all of it is written. @throws what `write` threw, AppError `failed` for a broken connection */
  readonly ended: Promise<void>;
  /** Ends the connection, and removes the socket. */
  close(): Promise<void>;
}

/** `folder`: made when it is not there. `user`: who connects; null for the user of this process. */
export async function openStateSink(
  folder: string,
  { id, user }: { readonly id: number; readonly user: number | null },
  write: (piece: Buffer) => Promise<void>,
): Promise<StateSink> {
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const path = join(folder, `${id}-${randomBytes(4).toString('hex')}`);
  if (user !== null) await ensurePassable(path, folder);
  const ended = Promise.withResolvers<undefined>();
  // Nobody may wait for it yet.
  ended.promise.catch(() => undefined);
  let connection: Socket | null = null;
  const take = async (socket: Socket) => {
    try {
      // One piece at a time: QEMU waits while the disk is slow.
      for await (const piece of socket) await write(piece as Buffer);
      ended.resolve(undefined);
    } catch (error) {
      socket.destroy();
      ended.reject(
        error instanceof AppError
          ? error
          : new AppError('failed', `the memory image cannot be written: ${describeError(error)}`, { cause: error }),
      );
    }
  };
  const server = createServer((socket) => {
    if (connection) {
      socket.destroy();
      return;
    }
    connection = socket;
    server.close();
    void take(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o600);
  if (user !== null) await chown(path, user, user);
  return {
    uri: `unix:${path}`,
    ended: ended.promise,
    async close() {
      connection?.destroy();
      server.close();
      await rm(path, { force: true });
    },
  };
}
