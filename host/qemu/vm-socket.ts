// Connections to the sockets in a VM's folder. Owns that they lead to that VM's QEMU: the folder is the VM's user's, and a guest that broke out
// could put a link to a socket of root there, which would get what people type.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, describeError } from '../../contract/errors.ts';
import { vmSocketMs } from '../../contract/limits.ts';

/** open(2): the descriptor names the file, which is not opened. Node has no constant for it. */
const pathOnly = 0o10000000;
/** QEMU lets one caller wait; the next ones try again (unix(7), EAGAIN). It takes them within milliseconds. */
const againMs = 20;

/**
 * Connects to the socket at `path`, which must be this user's; null: of any. When one direction ends, the other stays open.
 * @throws AppError `refused` for anything but such a socket, `unreachable`, `timeout`
 */
export async function openVmSocket(path: string, user: number | null): Promise<Socket> {
  const file = await open(path, pathOnly | constants.O_NOFOLLOW).catch((cause: unknown) => {
    throw new AppError('unreachable', `QEMU has no socket ${path}: ${describeError(cause)}`, { cause });
  });
  try {
    const stats = await file.stat();
    if (!stats.isSocket() || (user !== null && stats.uid !== user)) {
      throw new AppError('refused', `${path} is not the socket that QEMU made: kill the VM, and look who changed it`);
    }
    const began = performance.now();
    for (;;) {
      // By the descriptor: whatever is put at the path now, this is the socket that was looked at.
      const socket = await connectTo(`/proc/self/fd/${file.fd}`, path);
      if (socket) return socket;
      if (performance.now() - began > vmSocketMs) {
        throw new AppError(
          'timeout',
          `QEMU took no connection to ${path} within ${vmSocketMs / 1000} s: does it hang?`,
        );
      }
      await delay(againMs);
    }
  } finally {
    await file.close();
  }
}

/** Null when too many others wait for the server already. */
async function connectTo(address: string, path: string): Promise<Socket | null> {
  const socket = connect({ path: address, allowHalfOpen: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
  } catch (cause) {
    socket.destroy();
    if (cause instanceof Error && 'code' in cause && cause.code === 'EAGAIN') return null;
    throw new AppError('unreachable', `QEMU does not answer at ${path}: ${describeError(cause)}`, { cause });
  }
  // What goes wrong later ends the connection; who reads or writes sees that.
  socket.on('error', () => undefined);
  return socket;
}
