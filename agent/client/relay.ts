// `meshd -relay`: standard input and output to the command socket and back, for a console that reaches this host by SSH.
import type { Readable, Writable } from 'node:stream';
import { describeError } from '../../contract/errors.ts';
import { connectSocket } from '../../host/command-socket.ts';

export interface RelayOptions {
  readonly socketPath: string;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

/** Runs until the daemon ends the connection or the output is closed. Exit code: 0, or 2 when it cannot connect. */
export async function runRelay(options: RelayOptions): Promise<number> {
  const { stdin = process.stdin, stdout = process.stdout, stderr = process.stderr } = options;
  let socket;
  try {
    socket = await connectSocket(options.socketPath);
  } catch (error) {
    stderr.write(`meshd: ${describeError(error)}\n`);
    return 2;
  }
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const stop = () => socket.destroy();
  // The SSH session is gone: the daemon must see that, or it would continue a command that nobody waits for.
  stdout.once('error', stop);
  stdin.once('error', stop);
  stdin.pipe(socket);
  // Each side has its own speed: pipes carry back-pressure to the daemon.
  socket.pipe(stdout, { end: false });
  await closed;
  stdin.unpipe(socket);
  stdin.pause();
  return 0;
}
