// `meshd -e WORDS…`: one command from a shell. Answers go to stdout, errors and progress to stderr.
import type { Writable } from 'node:stream';
import { CommandClient } from '../../contract/command-client.ts';
import { describeError } from '../../contract/errors.ts';
import { lineTooLong } from '../../core/commands/tokens.ts';
import { safeText } from '../../core/safe-text.ts';
import { connectSocket, socketTransport } from '../../host/command-socket.ts';
import { errorLines, inNamespace, lineFromWords } from './words.ts';

export interface ExecuteOptions {
  readonly socketPath: string;
  /** Empty for the default one. */
  readonly namespace: string;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
  /** Cancels the command on the node; Ctrl-C unless given. */
  readonly signal?: AbortSignal;
}

/** Exit code: 0 when every host succeeded, 1 when one failed, 2 when the daemon was not reached or went away. */
export async function runExecute(words: readonly string[], options: ExecuteOptions): Promise<number> {
  const { stdout = process.stdout, stderr = process.stderr } = options;
  const line = inNamespace(lineFromWords(words), options.namespace);
  if (line.trim() === '') {
    stderr.write('meshd -e: a command is missing, such as `meshd -e mesh status`\n');
    return 1;
  }
  // The socket does not accept a longer request, so the daemon could not report this.
  const tooLong = lineTooLong(line, 'socket');
  if (tooLong !== null) {
    stderr.write(`meshd -e: ${tooLong}\n`);
    return 1;
  }
  const interrupt = new AbortController();
  const onInterrupt = () => {
    // The second Ctrl-C does not wait for the node.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  };
  if (!options.signal) process.on('SIGINT', onInterrupt);
  // `meshd -e help | head` closes the pipe early.
  const onPipe = () => undefined;
  stdout.on('error', onPipe);
  try {
    const transport = socketTransport(await connectSocket(options.socketPath));
    const client = new CommandClient({ canCancel: true }, { transport });
    let exitCode = 0;
    try {
      const answers = client.command(line, {
        signal: options.signal ?? interrupt.signal,
        onStatus: (text) => stderr.write(`${safeText(text)}\n`),
      });
      for await (const answer of answers) {
        if (answer.Rendered !== '') await write(stdout, `${safeText(answer.Rendered)}\n`);
        const errors = errorLines(answer);
        if (errors.length > 0) exitCode = 1;
        for (const error of errors) await write(stderr, `${error}\n`);
      }
    } finally {
      client.close();
    }
    return exitCode;
  } catch (error) {
    stderr.write(`meshd: ${safeText(describeError(error))}\n`);
    return 2;
  } finally {
    process.off('SIGINT', onInterrupt);
    stdout.off('error', onPipe);
  }
}

/** Resolves when the stream has taken the text: the process ends right after the last one. */
function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}
