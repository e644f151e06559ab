// Client of the command socket, for every program that drives a node: shell, console, tests. It owns the request and answer
// order; how bytes travel (a Unix socket, an SSH channel, a pair in memory) is the transport passed in. No timers here:
// a deadline is an AbortSignal.
//
//   one connection: command -> answers … last answer -> next command -> …      (one at a time; later calls wait)
import {
  CommandResponse,
  Hello,
  type Hello as HelloMessage,
  type CommandResponse as Response,
} from './command-socket.ts';
import { AppError, describeError } from './errors.ts';
import { JsonSplitter } from './json-stream.ts';
import { maxResponseBytes } from './limits.ts';
import { WatchMessage } from './watch.ts';
import { WatchMessage1 } from './watch-1.ts';

export interface CommandTransport {
  /** Resolves once the text was passed on; rejects when the connection is gone. */
  write(text: string): Promise<void>;
  /** What the node sends; ends with the connection. */
  readonly bytes: AsyncIterable<Uint8Array>;
  close(): void;
}

export interface CallOptions {
  /** Gives up on the node: the connection is closed, and the outcome is unknown. */
  readonly deadline?: AbortSignal;
}

export interface CommandOptions extends CallOptions {
  /** Cancels the command on the node, which then answers with an error entry. */
  readonly signal?: AbortSignal;
  readonly onStatus?: (text: string) => void;
}

export interface CommandClientOptions {
  /** Whether the node knows Cancel (meshd does, minimega does not); without it, cancelling closes the connection. */
  readonly canCancel: boolean;
}

export class CommandClient {
  private readonly options: CommandClientOptions;
  private readonly transport: CommandTransport;
  private readonly reader: AsyncIterator<Uint8Array>;
  private readonly splitter = new JsonSplitter(maxResponseBytes);
  private readonly texts: string[] = [];
  private turn: Promise<void> = Promise.resolve();
  /** A read that a deadline left behind would take the next answer, so the client is closed with it. */
  private isOver = false;

  constructor(options: CommandClientOptions, components: { transport: CommandTransport }) {
    this.options = options;
    this.transport = components.transport;
    this.reader = this.transport.bytes[Symbol.asyncIterator]();
  }

  get isClosed(): boolean {
    return this.isOver;
  }

  /** Runs a line and gives its answers as they come. Leaving the loop early closes the connection. */
  async *command(line: string, options: CommandOptions = {}): AsyncGenerator<Response, void, undefined> {
    const release = await this.acquire();
    const { signal, onStatus } = options;
    let isDone = false;
    const cancel = () => {
      if (this.options.canCancel) this.transport.write('{"Cancel":true}\n').catch(() => undefined);
      else this.close();
    };
    try {
      if (signal?.aborted) {
        isDone = true;
        throw new AppError('cancelled', `\`${line}\`: cancelled before it was sent`);
      }
      await this.send({ Command: line, Suggest: '' });
      signal?.addEventListener('abort', cancel, { once: true });
      for (;;) {
        const message = await this.read(options.deadline);
        if (message === null) {
          if (signal?.aborted) throw new AppError('cancelled', `\`${line}\`: cancelled`);
          // These end the daemon before it can answer.
          if (/(^|\s)(quit|nuke)\s*$/.test(line)) return;
          throw connectionLost();
        }
        const response = parse(CommandResponse, message);
        if (response.Status) {
          onStatus?.(response.Rendered);
          continue;
        }
        isDone = !response.More;
        yield response;
        if (isDone) return;
      }
    } finally {
      signal?.removeEventListener('abort', cancel);
      if (!isDone) this.close();
      release();
    }
  }

  /** Completions of a line, whole lines each. @throws AppError `invalid` for a line that the node does not take */
  async suggest(text: string, options: CallOptions = {}): Promise<string[]> {
    const response = parse(CommandResponse, await this.call({ Command: '', Suggest: text }, options));
    const refusal = response.Resp?.find((entry) => entry.Error !== '');
    if (refusal) throw new AppError('invalid', refusal.Error);
    return response.Suggest ?? [];
  }

  /** Who answers, and what it can. @throws AppError `refused` when it is not a meshd. */
  async hello(own: Partial<HelloMessage>, options: CallOptions = {}): Promise<HelloMessage> {
    const message = await this.call({ Hello: own }, options);
    if (typeof message !== 'object' || message === null || !('Hello' in message)) {
      throw new AppError('refused', 'no meshd answers there: it knows no Hello, as minimega does not');
    }
    return parse(Hello, message.Hello);
  }

  /** Rows of these kinds: all that there are, then what changes. It takes the connection for itself; leaving the loop closes it. */
  watch(kinds: readonly string[], options: CallOptions = {}): AsyncGenerator<WatchMessage, void, undefined> {
    return this.follow({ Kinds: kinds }, WatchMessage, options);
  }

  /** The same of a node that knows no kinds. */
  watch1(options: CallOptions = {}): AsyncGenerator<WatchMessage1, void, undefined> {
    return this.follow({}, WatchMessage1, options);
  }

  private async *follow<Message>(
    request: object,
    schema: Schema<Message>,
    options: CallOptions,
  ): AsyncGenerator<Message, void, undefined> {
    const release = await this.acquire();
    try {
      await this.send({ Watch: request });
      for (;;) {
        const message = await this.read(options.deadline);
        if (message === null) throw connectionLost();
        yield parse(schema, message);
      }
    } finally {
      this.close();
      release();
    }
  }

  close(): void {
    this.isOver = true;
    this.transport.close();
  }

  private async call(request: unknown, options: CallOptions): Promise<unknown> {
    const release = await this.acquire();
    let isDone = false;
    try {
      await this.send(request);
      const message = await this.read(options.deadline);
      if (message === null) throw connectionLost();
      isDone = true;
      return message;
    } finally {
      if (!isDone) this.close();
      release();
    }
  }

  /** Waits for the earlier calls; the returned function starts the next one. */
  private async acquire(): Promise<() => void> {
    const before = this.turn;
    let release: () => void = () => undefined;
    this.turn = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    if (this.isOver) {
      release();
      throw connectionLost();
    }
    return release;
  }

  private async send(request: unknown): Promise<void> {
    try {
      await this.transport.write(`${JSON.stringify(request)}\n`);
    } catch (cause) {
      throw new AppError('unreachable', `the connection to the node is gone: ${describeError(cause)}`, { cause });
    }
  }

  /** The next object, or null at the end of the connection. */
  private async read(deadline?: AbortSignal): Promise<unknown> {
    for (;;) {
      const text = this.texts.shift();
      if (text !== undefined) return JSON.parse(text) as unknown;
      const next = await beforeDeadline(this.reader.next(), deadline);
      if (next.done) {
        this.isOver = true;
        return null;
      }
      const { texts, error } = this.splitter.push(next.value);
      this.texts.push(...texts);
      if (error) throw new AppError('failed', `the node sent something that is not an answer: ${error.message}`);
    }
  }
}

function connectionLost(): AppError {
  return new AppError('unreachable', 'the connection to the node ended before the answer: the outcome is unknown');
}

interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

function parse<T>(schema: Schema<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new AppError(
      'failed',
      `the node sent something that is not an answer: ${JSON.stringify(value).slice(0, 200)}`,
    );
  return parsed.data;
}

function beforeDeadline<T>(promise: Promise<T>, deadline?: AbortSignal): Promise<T> {
  if (!deadline) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(new AppError('timeout', 'no answer from the node in time: the outcome is unknown'));
    };
    promise.then(resolve, reject).finally(() => {
      deadline.removeEventListener('abort', onAbort);
    });
    if (deadline.aborted) onAbort();
    else deadline.addEventListener('abort', onAbort, { once: true });
  });
}
