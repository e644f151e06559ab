// `meshd -pipe NAME`: standard input and output as a named pipe. Each line that comes in is a message, each message that comes out a line.
import type { Readable, Writable } from 'node:stream';
import { createInterface } from 'node:readline';
import { describeError } from '../../contract/errors.ts';
import { JsonStringReader } from '../../contract/json-strings.ts';
import { maxPipeLineBytes } from '../../contract/limits.ts';
import { safeText } from '../../core/safe-text.ts';
import { connectSocket } from '../../host/command-socket.ts';

export interface PipeOptions {
  readonly socketPath: string;
  /** `foo`, or `exp1//foo`. */
  readonly pipe: string;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

/**
 * Exit code: 0 when the input ended after it had lines, or the pipe was cleared; 1 when the node refused; 2 when no daemon was there. Without any
 * input it shows messages until it is ended.
 */
export async function runPipe(options: PipeOptions): Promise<number> {
  const { stdin = process.stdin, stdout = process.stdout, stderr = process.stderr } = options;
  const name = options.pipe.includes('//') ? options.pipe : `minimega//${options.pipe}`;
  try {
    const socket = await connectSocket(options.socketPath, { hasTwoEnds: true });
    const reader = new JsonStringReader(6 * maxPipeLineBytes + 16);
    let hasSent = false;
    let code = 0;
    const ended = new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.on('end', () => socket.end());
    });
    socket.on('data', (chunk: Buffer) => {
      // An answer instead of messages is an error.
      if (chunk[0] === 0x7b) {
        stderr.write(`meshd -pipe: ${safeText(errorOf(chunk.toString('utf8')))}\n`);
        code = 1;
        socket.end();
        return;
      }
      for (const text of reader.push(chunk)) stdout.write(safeText(text));
    });
    socket.write(`${JSON.stringify({ PlumbPipe: name })}\n`);
    const lines = createInterface({ input: stdin, crlfDelay: Infinity });
    lines.on('line', (line) => {
      hasSent = true;
      if (!socket.write(`${JSON.stringify(`${line}\n`)}\n`)) {
        lines.pause();
        socket.once('drain', () => lines.resume());
      }
    });
    lines.on('close', () => {
      if (hasSent) socket.end();
    });
    await ended;
    lines.close();
    return code;
  } catch (error) {
    stderr.write(`meshd: ${safeText(describeError(error))}\n`);
    return 2;
  }
}

function errorOf(text: string): string {
  return /"Error":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? 'the node knows no pipes';
}
