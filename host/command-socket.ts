// The command socket as a transport for CommandClient, and what to say when it cannot be reached.
import { connect, type Socket } from 'node:net';
import { Duplex, type Readable } from 'node:stream';
import type { CommandTransport, StreamBytes } from '../contract/command-client.ts';
import { AppError, describeError } from '../contract/errors.ts';

/** How long a local daemon may take to accept: it does so at once, unless it hangs. */
const connectTimeoutMs = 5000;

/**
 * `hasTwoEnds`: when the daemon ends its direction, ours stays open until we end it.
 * @throws AppError `unreachable` or `refused`, which says what to do next.
 */
export async function connectSocket(path: string, { hasTwoEnds = false } = {}): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: hasTwoEnds });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.setTimeout(connectTimeoutMs, () => reject(new Error('it does not accept')));
    });
  } catch (cause) {
    socket.destroy();
    throw connectError(path, cause);
  }
  socket.setTimeout(0);
  // Errors after this end the stream; the code that reads or writes gets them.
  socket.on('error', () => undefined);
  return socket;
}

function connectError(path: string, cause: unknown): AppError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  if (code === 'EACCES' || code === 'EPERM') {
    return new AppError('refused', `${path} is root's: run this as root (sudo)`, { cause });
  }
  const start = 'start one with `meshd -nostdin &` or `systemctl start meshd`, or name its directory with -base';
  if (code === 'ENOENT') return new AppError('unreachable', `no meshd at ${path}: ${start}`, { cause });
  if (code === 'ECONNREFUSED') {
    return new AppError('unreachable', `the meshd at ${path} is dead and left its socket: ${start}`, { cause });
  }
  return new AppError('unreachable', `cannot connect to ${path}: ${describeError(cause)}`, { cause });
}

export function socketTransport(socket: Socket): CommandTransport {
  const write = (data: string | Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      socket.write(data, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  return {
    write,
    bytes: streamBytes(socket),
    close: () => {
      socket.destroy();
    },
    raw: {
      write,
      end: () =>
        new Promise((resolve) => {
          socket.end(() => resolve());
        }),
    },
  };
}

/** Any other connection to a command socket, such as a channel of SSH, for lines and answers. */
export function duplexTransport(duplex: Duplex): CommandTransport {
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        duplex.write(text, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    bytes: streamBytes(duplex),
    close: () => {
      duplex.destroy();
    },
  };
}

/** A stream of the command socket as Node's Duplex, with back-pressure both ways. Both directions end before it closes. */
export function streamDuplex(stream: StreamBytes): Duplex {
  const reader = stream.bytes[Symbol.asyncIterator]();
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      reader.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(describeError(error))),
      );
    },
    write(chunk: Uint8Array, _encoding, callback) {
      stream.write(chunk).then(() => callback(), callback);
    },
    final(callback) {
      stream.end().then(() => callback(), callback);
    },
    destroy(error, callback) {
      stream.close();
      callback(error);
    },
  });
  // One that breaks while nobody listens ends alone.
  duplex.on('error', () => undefined);
  return duplex;
}

/** A broken connection ends like a closed one: the missing answer shows that something went wrong. */
export async function* streamBytes(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch {
    return;
  }
}
