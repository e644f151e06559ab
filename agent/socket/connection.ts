// One connection of the command socket: reads requests, runs them one after the other, writes answers with back-pressure.
//
// INVARIANTS
// - Answers come in the order of requests; only Cancel takes effect out of turn.
// - A result waits until it is clear whether another follows (`More`).
// - Input, even malformed or endless, ends this connection at worst.
// Misuse: after a Watch the connection carries watch messages only; a further request ends it. Between a Stream and its answer
// anything ends it: what is meant for the service must not be taken for a request when the stream is refused.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  CommandRequest,
  responseEntry,
  type CommandResponse,
  type Hello,
  type StreamAnswer,
} from '../../contract/command-socket.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { maxRequestBytes } from '../../contract/limits.ts';
import { goJson } from '../../core/go-json.ts';
import type { Answer, Dispatcher } from '../commands/dispatcher.ts';
import type { Session } from '../commands/session.ts';
import type { WatchRequest } from '../cluster-watch.ts';
import { parsePipeName } from '../../core/pipes/names.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { PipeMode, type ConnectionPipes } from './pipe-mode.ts';
import { WatchWriter, type WatchSource } from './watch-writer.ts';

export interface ConnectionOptions {
  readonly host: string;
  readonly hello: Hello;
}

export interface ConnectionComponents {
  readonly dispatcher: Pick<Dispatcher, 'session' | 'execute' | 'suggest'>;
  readonly watch: WatchSource;
  readonly streams: StreamSource;
  /** Named pipes, where there are some. */
  readonly pipes?: ConnectionPipes;
  /** Receives errors that are our bugs. */
  readonly onBug: (error: unknown) => void;
}

/** Where clients get their streams from. */
export interface StreamSource {
  /** To a service of a node; of this one when the name is empty. @throws AppError */
  open(node: string, service: string, args: unknown, signal: AbortSignal): Promise<Duplex>;
}

type Work =
  | { readonly kind: 'command'; readonly line: string }
  | { readonly kind: 'suggest'; readonly text: string }
  | { readonly kind: 'hello' }
  | { readonly kind: 'watch'; readonly request: WatchRequest }
  | { readonly kind: 'stream'; readonly node: string; readonly service: string; readonly args: unknown }
  | { readonly kind: 'pipe'; readonly name: string }
  | { readonly kind: 'refuse'; readonly message: string }
  /** The last answer of this connection. */
  | { readonly kind: 'fail'; readonly message: string };

/** Requests read ahead. Beyond this number the client waits, and a Cancel behind them is also read later. */
const maxQueued = 64;
/** Beyond this, status messages that a slow reader does not take are left out. */
const maxStatusBacklogBytes = 256 * 1024;
/** How often a half-closed client is probed while its command runs. */
const probeMs = 1000;
/** How long a failed client may take to read why. */
const lingerMs = 2000;
const newline = 0x0a;

export class Connection {
  private readonly socket: Socket;
  private readonly options: ConnectionOptions;
  private readonly components: ConnectionComponents;
  private session: Session;
  private isOwnSession = false;
  private readonly splitter = new JsonSplitter(maxRequestBytes);
  private queue: Work[] = [];
  private isBusy = false;
  /** No more requests are taken: the client ended its side, failed, or quit. */
  private isInputOver = false;
  private running: AbortController | null = null;
  private watcher: WatchWriter | null = null;
  /** A Stream that waits for its newline, and then for its answer; then the stream itself. */
  private asked: { readonly work: Work; isLineOver: boolean } | null = null;
  private stream: Duplex | null = null;
  /** What came behind a PlumbPipe that waits for the requests before it; null without one. */
  private behindPipe: Uint8Array[] | null = null;
  private pipe: PipeMode | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(socket: Socket, options: ConnectionOptions, components: ConnectionComponents) {
    this.socket = socket;
    this.options = options;
    this.components = components;
    this.session = components.dispatcher.session('shared');
    socket.on('data', (chunk: Buffer) => {
      this.onData(chunk);
    });
    socket.on('end', () => {
      this.onEnd();
    });
    // EPIPE and ECONNRESET: the close event follows and means the same.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      // One that ended in both directions may still have data on its way to the other node.
      if (!socket.readableEnded || socket.errored) {
        this.stream?.destroy(new AppError('unreachable', 'the client of the stream went away'));
      }
      this.running?.abort(new AppError('unreachable', 'the client went away'));
      this.watcher?.close();
      if (this.timer) clearTimeout(this.timer);
      this.queue = [];
    });
  }

  /** Ends it from this side: the running command is aborted, and what was written may still be read. */
  close(): void {
    this.isInputOver = true;
    this.queue = [];
    this.running?.abort(new AppError('failed', 'this meshd is stopping'));
    if (this.asked) this.socket.destroy();
    else this.finish({ isDaemonEnding: true });
  }

  private onData(chunk: Buffer): void {
    let rest: Uint8Array = chunk;
    while (rest.length > 0) {
      if (this.isInputOver) return;
      if (this.pipe) {
        this.pipe.take(rest);
        return;
      }
      if (this.behindPipe) {
        // It is bounded by what was read already: no more is, until the pipe is there.
        this.behindPipe.push(rest);
        this.socket.pause();
        return;
      }
      if (this.asked) {
        this.awaitLineEnd(rest);
        return;
      }
      const { texts, error, used } = this.splitter.push(rest, 1);
      rest = rest.subarray(used);
      for (const text of texts) {
        if (!this.take(text)) return;
      }
      if (error) {
        this.fail(error.message);
        return;
      }
    }
    if (this.queue.length >= maxQueued && !this.socket.isPaused()) {
      this.socket.pause();
      this.probe();
    }
  }

  /** Whether more requests are taken after this one. */
  private take(text: string): boolean {
    const request = parseRequest(text);
    if (request instanceof AppError) {
      this.fail(request.message);
    } else if (request.cancel) {
      if (this.watcher) this.close();
      // The reason tells a command that outlives its client (deploy launch) from a client that went away.
      else this.running?.abort(new AppError('cancelled', 'the client sent Cancel'));
    } else if (this.watcher) {
      this.close();
    } else if (request.plumbpipe !== undefined && request.plumbpipe !== '') {
      this.behindPipe = [];
      this.queue.push({ kind: 'pipe', name: request.plumbpipe });
      void this.pump();
    } else if (request.stream) {
      const { Node: node, Service: service, Args: args } = request.stream;
      this.asked = { work: { kind: 'stream', node, service, args }, isLineOver: false };
    } else {
      this.queue.push(workOf(request));
      void this.pump();
    }
    return !this.isInputOver;
  }

  /** What follows a Stream: its newline, which may come in another packet than the request. */
  private awaitLineEnd(bytes: Uint8Array): void {
    const { asked } = this;
    if (this.watcher) {
      this.close();
      return;
    }
    if (!asked || asked.isLineOver || bytes.length > 1 || bytes[0] !== newline) {
      this.running?.abort(new AppError('invalid', 'the client did not wait for the answer'));
      this.fail('malformed request: a newline follows Stream, and nothing more until its answer');
      return;
    }
    asked.isLineOver = true;
    this.queue.push(asked.work);
    void this.pump();
  }

  /** Malformed input: earlier requests still get their answers, then comes the error, then the end. */
  private fail(message: string): void {
    this.isInputOver = true;
    this.queue.push({ kind: 'fail', message });
    void this.pump();
  }

  private onEnd(): void {
    if (!this.isInputOver && (this.splitter.isIncomplete || this.asked?.isLineOver === false)) {
      this.fail('malformed request: the connection ended in the middle of a JSON object');
    }
    this.isInputOver = true;
    if (this.watcher || !this.isBusy) this.finish();
    else this.probe();
  }

  /**
   * A client that only ended its sending side waits for its answer; one that is gone must have its command aborted.
   * Reading tells both as the same end, and a paused socket tells nothing, but writing to the second fails. A space
   * between JSON values means nothing.
   */
  private probe(): void {
    const isBlind = this.isInputOver || this.socket.isPaused();
    if (this.socket.destroyed || !this.isBusy || !isBlind) return;
    if (this.timer) clearTimeout(this.timer);
    if (this.socket.writableLength === 0) this.socket.write(' ');
    this.timer = setTimeout(() => {
      this.probe();
    }, probeMs);
  }

  private async pump(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      for (let work = this.queue.shift(); work && !this.socket.destroyed; work = this.queue.shift()) {
        if (this.queue.length < maxQueued) this.socket.resume();
        await this.serve(work);
      }
    } catch (error) {
      this.components.onBug(error);
      this.socket.destroy();
    } finally {
      this.isBusy = false;
    }
    if (this.isInputOver && !this.stream && !this.pipe) this.finish();
  }

  private async serve(work: Work): Promise<void> {
    switch (work.kind) {
      case 'command':
        await this.runCommand(work.line);
        return;
      case 'suggest': {
        const found = this.suggest(work.text);
        if (typeof found === 'string') await this.refuse(found);
        else await this.send({ Resp: null, Rendered: '' }, found.length > 0 ? { Suggest: found } : {});
        return;
      }
      case 'hello':
        // A client that says Hello has its own settings from here on.
        if (!this.isOwnSession) this.session = this.components.dispatcher.session('own');
        this.isOwnSession = true;
        await this.write(`${goJson({ Hello: { ...this.options.hello, Kinds: this.components.watch.kinds } })}\n`);
        return;
      case 'watch':
        this.queue = [];
        this.watcher = new WatchWriter(this.socket, work.request, { source: this.components.watch });
        return;
      case 'stream':
        await this.openStream(work);
        return;
      case 'pipe':
        await this.openPipe(work.name);
        return;
      case 'refuse':
      case 'fail':
        await this.refuse(work.message);
        return;
    }
  }

  /** Completions, or the reason for their absence. */
  private suggest(text: string): string[] | string {
    try {
      return this.components.dispatcher.suggest(this.session, text);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return error.message;
    }
  }

  private refuse(message: string): Promise<void> {
    return this.send({ Resp: [responseEntry(this.options.host, { Error: message })], Rendered: '' });
  }

  private async runCommand(line: string): Promise<void> {
    const abort = new AbortController();
    this.running = abort;
    let held: Answer | null = null;
    const execution = this.components.dispatcher.execute(
      this.session,
      line,
      { via: 'socket' },
      {
        signal: abort.signal,
        status: (text) => {
          if (this.running === abort) this.sendStatus(text);
        },
      },
    );
    for await (const answer of execution) {
      if (held) await this.send(held, { More: true });
      held = answer;
      if (this.socket.destroyed) break;
    }
    this.running = null;
    if (this.session.ended) {
      // `quit` has no answer: the end of the connection is it.
      this.isInputOver = true;
      this.queue = [];
    }
    if (held) await this.send(held);
  }

  /** From here on messages only. A pipe that is refused is an error, and the end: what follows cannot be a request. */
  private async openPipe(text: string): Promise<void> {
    const { socket } = this;
    const { pipes } = this.components;
    const behind = this.behindPipe ?? [];
    try {
      const name = parsePipeName(text, defaultNamespace);
      if (!name.ok) throw new AppError('invalid', name.message);
      if (!pipes) throw new AppError('refused', 'this meshd has no named pipes');
      if (this.timer) clearTimeout(this.timer);
      this.timer = null;
      socket.removeAllListeners('data');
      socket.removeAllListeners('end');
      this.pipe = new PipeMode(socket, { pipes, name: name.name });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      await this.refuse(error.message);
      this.isInputOver = true;
      return;
    }
    this.behindPipe = null;
    for (const bytes of behind) this.pipe.take(bytes);
    if (this.isInputOver) this.pipe.endInput();
    socket.resume();
  }

  private async openStream({ node, service, args }: Extract<Work, { kind: 'stream' }>): Promise<void> {
    const abort = new AbortController();
    this.running = abort;
    let stream: Duplex;
    try {
      stream = await this.components.streams.open(node, service, args, abort.signal);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.asked = null;
      await this.refuse(error.message);
      return;
    } finally {
      this.running = null;
    }
    // A client that failed meanwhile gets that as its answer.
    if (this.socket.destroyed || this.queue.length > 0) {
      stream.destroy();
      return;
    }
    const answer: StreamAnswer = { Stream: { Node: node, Service: service } };
    this.socket.write(`${goJson(answer)}\n`);
    this.become(stream);
  }

  /** From here on bytes only. The end of one direction is the end of that direction; a stream that breaks closes the connection. */
  private become(stream: Duplex): void {
    const { socket } = this;
    this.stream = stream;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    socket.removeAllListeners('data');
    socket.removeAllListeners('end');
    stream.on('error', () => socket.destroy());
    if (this.isInputOver) stream.end();
    else socket.pipe(stream);
    stream.pipe(socket);
  }

  private sendStatus(text: string): void {
    if (this.socket.destroyed || this.socket.writableLength > maxStatusBacklogBytes) return;
    const message: CommandResponse = { Resp: null, Rendered: text, More: false, Status: true };
    this.socket.write(`${goJson(message)}\n`);
  }

  private async send(answer: Answer, extra: Partial<CommandResponse> = {}): Promise<void> {
    const response: CommandResponse = { ...answer, More: false, Status: false, ...extra };
    await this.write(`${goJson(response)}\n`);
  }

  /** Resolves once the client took it, or went away. */
  private write(text: string): Promise<void> {
    if (this.socket.destroyed || this.socket.write(text)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off('drain', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('drain', done);
      this.socket.on('close', done);
    });
  }

  /**
   * Ends the writing side, and all of it soon after the client took the rest: what it still sends is dropped, since an
   * early close would take the last answer from it. A daemon that ends does not wait for a client that never reads.
   */
  private finish({ isDaemonEnding = false } = {}): void {
    if (this.socket.destroyed) return;
    this.watcher?.close();
    this.socket.resume();
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const linger = () => {
      this.timer ??= setTimeout(() => {
        this.socket.destroy();
      }, lingerMs);
    };
    this.socket.end(linger);
    if (isDaemonEnding) linger();
  }
}

function parseRequest(text: string): CommandRequest | AppError {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return new AppError('invalid', `malformed request: ${describeError(cause)}`, { cause });
  }
  // Keys match in any case, and null counts as absent, as in Go's decoder.
  const entries = Object.entries(value ?? {}).filter(([, field]) => field !== null);
  const parsed = CommandRequest.safeParse(
    Object.fromEntries(entries.map(([key, field]) => [key.toLowerCase(), field])),
  );
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return new AppError('invalid', `malformed request: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

function workOf({ command = '', suggest = '', hello, watch }: Omit<CommandRequest, 'stream' | 'plumbpipe'>): Work {
  if (hello) return { kind: 'hello' };
  if (watch) return { kind: 'watch', request: { kinds: watch.Kinds ?? null } };
  if (command !== '' && suggest === '') return { kind: 'command', line: command };
  if (suggest !== '' && command === '') return { kind: 'suggest', text: suggest };
  return { kind: 'refuse', message: 'must specify either command or suggest' };
}
