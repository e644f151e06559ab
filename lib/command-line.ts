// Lines for a node's command socket, as the terminal and the pages run them: answers as they come, cancelled when asked.
import type { CommandResponse } from '../contract/command-socket.ts';
import type { ConsoleClient } from './client.ts';

export interface CommandTarget {
  readonly cluster: string;
  /** Name of the node; empty for the one the console is attached to. */
  readonly node: string;
  /** Lines of one session share a connection, so that `namespace x` and `.csv true` hold; empty for none. */
  readonly session?: string;
}

export interface RunOptions {
  readonly onAnswer: (answer: CommandResponse) => void;
  /** Cancels the command on the node, which then answers with an error. */
  readonly signal?: AbortSignal;
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 60_000;
/** The server's answer comes after the node's own deadline. */
const marginMs = 5_000;

export class CommandLine {
  private readonly client: ConsoleClient;
  private calls = 0;

  constructor(components: { client: ConsoleClient }) {
    this.client = components.client;
  }

  /** Runs one line. `failed`: an answer carried an error. @throws AppError when it could not be run, or its end is unknown */
  async run(target: CommandTarget, line: string, options: RunOptions): Promise<{ failed: boolean }> {
    const call = `c${(this.calls += 1)}`;
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const stop = this.client.on('command.answer', (event) => {
      if (event.call === call) options.onAnswer(event.answer);
    });
    const cancel = () => {
      this.client.call('command.cancel', { call }).catch(() => undefined);
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    try {
      const input = {
        call,
        cluster: target.cluster,
        node: target.node,
        session: target.session ?? '',
        line,
        timeoutMs,
      };
      return await this.client.call('command.run', input, { timeoutMs: timeoutMs + marginMs });
    } finally {
      stop();
      options.signal?.removeEventListener('abort', cancel);
    }
  }

  /** Completions: whole lines each. None when the node does not answer: typing must not fail because of that. */
  async suggest(target: CommandTarget, text: string): Promise<readonly string[]> {
    try {
      const { cluster, node } = target;
      return await this.client.call('command.suggest', { cluster, node, text }, { timeoutMs: 3_000 });
    } catch {
      return [];
    }
  }
}
