// `meshd -relay`: standard input and output to the command socket and back, for a console that reaches this host by SSH. It passes
// bytes on unchanged, and the end of each direction: what goes over it may be a stream.
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { describeError } from '../../contract/errors.ts';
import { connectSocket } from '../../host/command-socket.ts';

export interface RelayOptions {
  readonly socketPath: string;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Whether sudo started it; what the environment says unless given. */
  readonly isUnderSudo?: boolean;
}

/** How often to look whether a daemon that ended its direction is still there. */
const probeMs = 200;
/** sudo holds our output open, so the client does not see that the daemon ended: it gets this long to send more. */
const silenceMs = 5_000;

/** Runs until both directions ended, the daemon is gone, or the output is closed. Exit code: 0, or 2 when it cannot connect. */
export async function runRelay(options: RelayOptions): Promise<number> {
  const { stdin = process.stdin, stdout = openStdout(), stderr = process.stderr } = options;
  const { isUnderSudo = process.env['SUDO_COMMAND'] !== undefined } = options;
  let socket: Socket | null = null;
  // The SSH session is gone: the daemon must see that, or it would continue a command that nobody waits for.
  const stop = () => socket?.destroy();
  const written = new Promise<void>((resolve) => {
    for (const event of ['finish', 'close', 'error']) stdout.once(event, () => resolve());
  });
  stdout.once('error', stop);
  stdin.once('error', stop);
  try {
    socket = await connectSocket(options.socketPath, { hasTwoEnds: true });
  } catch (error) {
    stderr.write(`meshd: ${describeError(error)}\n`);
    return 2;
  }
  if (stdout.destroyed || stdin.destroyed) stop();
  await passOn(socket, { stdin, stdout, isUnderSudo });
  // The process ends right after this, and would take with it what a slow reader has not taken yet.
  stdout.end();
  await written;
  return 0;
}

/** Resolves when the socket is closed. */
async function passOn(
  socket: Socket,
  { stdin, stdout, isUnderSudo }: { stdin: Readable; stdout: Writable; isUnderSudo: boolean },
): Promise<void> {
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let heardAt = performance.now();
  stdin.on('data', () => (heardAt = performance.now()));
  // Each side has its own speed: pipes carry back-pressure to the daemon.
  stdin.pipe(socket);
  socket.pipe(stdout);
  let probe: NodeJS.Timeout | undefined;
  socket.once('end', () => {
    heardAt = performance.now();
    probe = setInterval(() => {
      if (isUnderSudo && performance.now() - heardAt > silenceMs) socket.destroy();
      // A daemon that ended its direction and one that is gone read alike. Writing to the second fails, even nothing (unix(7)).
      else socket.write('');
    }, probeMs);
  });
  await closed;
  clearInterval(probe);
  stdin.unpipe(socket);
  stdin.pause();
}

/** Standard output that can be closed: process.stdout keeps its descriptor, so the reader would never see the end. */
function openStdout(): Writable {
  try {
    const stdout = new Socket({ fd: 1, readable: false, writable: true });
    return stdout.once('close', () => {
      // libuv leaves these two open, whatever is closed. sshd tells the client of the end once both are closed (nchan.c: it
      // waits for standard error, too); there is nothing left to say on it.
      closeSync(1);
      closeSync(2);
    });
  } catch {
    // A file or a terminal has no end to pass on.
    return process.stdout;
  }
}
