// Client of the command socket, for every program that drives a node: shell, console, tests. It owns the request and answer
// order; how bytes travel (a Unix socket, an SSH channel, a pair in memory) is the transport passed in. No timers here:
// a deadline is an AbortSignal.
//
//   one connection: command -> answers … last answer -> next command -> …      (one at a time; later calls wait)
import {
  CommandResponse,
  Hello,
  StreamAnswer,
  type Hello as HelloMessage,
  type CommandResponse as Response,
  type StreamRequest,
} from './command-socket.ts';
import { AppError, describeError } from './errors.ts';
import { JsonSplitter } from './json-stream.ts';
import { maxResponseBytes } from './limits.ts';

export interface CommandTransport {
  /** Resolves once the text was passed on; rejects when the connection is gone. */
  write(text: string): Promise<void>;
  /** What the node sends; ends with the connection. */
  readonly bytes: AsyncIterable<Uint8Array>;
  close(): void;
  /** For streams; a transport that carries only text has none. */
  readonly raw?: {
    /** Resolves once the bytes were passed on; rejects when the connection is gone. */
    write(bytes: Uint8Array): Promise<void>;
    /** Ends our direction, and resolves once that was passed on. What the node sends still arrives. */
    end(): Promise<void>;
  };
}

/** A connection that became a stream. */
export interface StreamBytes {
  /** What the other end sends; ends with its direction, and when the stream broke. */
  readonly bytes: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  /** Ends our direction, and resolves once that was passed on; the other one continues. */
  end(): Promise<void>;
  /** Gives up both. */
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
  /** Read, but not split: only what follows the answer to Stream. */
  private left: Uint8Array = new Uint8Array(0);
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

  /**
   * What the node tells: rows of these kinds, all that there are and then what changes; without kinds as it did before there were any.
   * It takes the connection for itself; leaving the loop closes it. `schema` is that of the messages (contract/watch-messages, watch-1).
   */
  async *watch<Message>(
    request: { readonly Kinds?: readonly string[] },
    schema: Schema<Message>,
    options: CallOptions = {},
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

  /**
   * Turns the connection into a stream to a service of a node. It belongs to the caller then, who closes it.
   * @throws AppError `refused` with what the node says; the connection can be used again after that
   */
  async stream(request: StreamRequest, options: CallOptions = {}): Promise<StreamBytes> {
    const { raw } = this.transport;
    if (!raw) throw new AppError('refused', 'this way to the node carries text only, and no streams');
    const release = await this.acquire();
    let isDone = false;
    try {
      await this.send({ Stream: request });
      const message = await this.read(options.deadline, 1);
      if (message === null) throw connectionLost();
      const answer = StreamAnswer.safeParse(message);
      isDone = true;
      if (!answer.success) {
        const errors = (parse(CommandResponse, message).Resp ?? []).map((entry) => entry.Error);
        throw new AppError(
          'refused',
          errors.find((text) => text !== '') ?? 'the node opens no stream, and does not say why',
        );
      }
      // Other calls on this connection find it closed.
      this.isOver = true;
      return {
        bytes: this.rest(),
        write: (bytes) => raw.write(bytes),
        end: () => raw.end(),
        close: () => this.transport.close(),
      };
    } finally {
      if (!isDone) this.close();
      release();
    }
  }

  close(): void {
    this.isOver = true;
    this.transport.close();
  }

  /** The bytes behind the newline that ends the answer. */
  private async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    let isLineOver = false;
    for (let next = this.left; ;) {
      if (next.length > 0) {
        const bytes = isLineOver ? next : next.subarray(1);
        isLineOver = true;
        if (bytes.length > 0) yield bytes;
      }
      const read = await this.reader.next();
      if (read.done) return;
      next = read.value;
    }
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

  /** The next object, or null at the end of the connection. With `most` 1, what follows the object stays in `left`. */
  private async read(deadline?: AbortSignal, most = Infinity): Promise<unknown> {
    for (;;) {
      const text = this.texts.shift();
      if (text !== undefined) return JSON.parse(text) as unknown;
      const next = await beforeDeadline(this.reader.next(), deadline);
      if (next.done) {
        this.isOver = true;
        return null;
      }
      const { texts, error, used } = this.splitter.push(next.value, most);
      this.texts.push(...texts);
      this.left = next.value.subarray(used);
      if (error) throw new AppError('failed', `the node sent something that is not an answer: ${error.message}`);
    }
  }
}

function connectionLost(): AppError {
  return new AppError('unreachable', 'the connection to the node ended before the answer: the outcome is unknown');
}

/** As zod's, so that each program loads the schemas of what it reads only. */
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
