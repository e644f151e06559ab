// A connection that became a named pipe (PlumbPipe): JSON strings both ways, each a message with its newline, until the client goes. It reads the
// pipe and writes to it, so it gets its own messages too, as every reader.
import type { Socket } from 'node:net';
import { describeError } from '../../contract/errors.ts';
import { JsonStringReader } from '../../contract/json-strings.ts';
import { maxPipeBacklogBytes, maxPipeLineBytes } from '../../contract/limits.ts';
import { goJson } from '../../core/go-json.ts';
import type { Pipes } from '../pipes/pipes.ts';

/** Every character may be written as an escape of six. */
const maxStringBytes = 6 * maxPipeLineBytes + 16;
/** Messages of this client that wait: it is not read meanwhile. */
const maxWaiting = 16;

export type ConnectionPipes = Pick<Pipes, 'addReader' | 'addWriter' | 'write'>;

export class PipeMode {
  private readonly socket: Socket;
  private readonly pipes: ConnectionPipes;
  private readonly name: string;
  private readonly reader = new JsonStringReader(maxStringBytes);
  private readonly leaves: (() => void)[];
  private waiting = 0;
  private isInputOver = false;

  /** The socket is this object's from here on. @throws AppError when the pipe is refused */
  constructor(socket: Socket, { pipes, name }: { pipes: ConnectionPipes; name: string }) {
    this.socket = socket;
    this.pipes = pipes;
    this.name = name;
    this.leaves = [
      pipes.addReader(name, { deliver: (text) => this.deliver(text), onEnd: () => socket.end() }),
      pipes.addWriter(name),
    ];
    socket.on('close', () => {
      for (const leave of this.leaves.splice(0)) leave();
    });
    socket.on('end', () => this.endInput());
    socket.on('data', (chunk: Buffer) => this.take(chunk));
  }

  /** Bytes that came before the socket was this object's, too. */
  take(bytes: Uint8Array): void {
    try {
      for (const text of this.reader.push(bytes)) this.write(text);
    } catch {
      // Bytes have no place for an error: as minimega, the connection ends.
      this.socket.destroy();
    }
  }

  /** The client sends no more: the connection ends once its messages were sent. */
  endInput(): void {
    this.isInputOver = true;
    this.finish();
  }

  private write(text: string): void {
    this.waiting += 1;
    if (this.waiting >= maxWaiting) this.socket.pause();
    this.pipes
      .write(this.name, text)
      .catch((error: unknown) => {
        this.socket.destroy(new Error(describeError(error)));
      })
      .finally(() => {
        this.waiting -= 1;
        if (this.waiting < maxWaiting) this.socket.resume();
        this.finish();
      });
  }

  private deliver(text: string): boolean {
    if (this.socket.writableEnded || this.socket.writableLength > maxPipeBacklogBytes) return false;
    this.socket.write(`${goJson(text)}\n`);
    return true;
  }

  private finish(): void {
    if (this.isInputOver && this.waiting === 0) this.socket.end();
  }
}
