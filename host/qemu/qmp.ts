// QEMU's monitor, in JSON (QMP: qemu docs/interop/qmp-spec.rst). Owns one connection to one socket: greeting, capabilities, commands with
// ids and deadlines, events, and connecting again. What commands and events mean is vm.ts's business.
//
//   connect -> {"QMP":…} -> qmp_capabilities -> onReady -> commands, events … -> closed -> wait -> connect …
//
// INVARIANTS: a command settles once, by its answer, its deadline or the end of its connection; a late answer is dropped. A command that
// was sent and has no answer may have been done: its error says so.
import { createConnection, type Socket } from 'node:net';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { JsonSplitter } from '../../contract/json-stream.ts';
import { maxQmpCommands, maxQmpMessageBytes, qmpCommandMs } from '../../contract/limits.ts';

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface QmpOptions {
  readonly onEvent: (event: QmpEvent) => void;
  /** After each handshake, before anything else is read: the state may have changed while nobody listened. */
  readonly onReady?: () => void;
  /** The connection ended; it is opened again until `close`. */
  readonly onLost?: () => void;
  /** Deadline of a command in milliseconds unless it names one. */
  readonly commandMs?: number;
}

export interface Qmp {
  /** Handshake done, and not lost since. */
  readonly isReady: boolean;
  /**
   * Sends a command; its `return` value. @throws AppError `failed` with QEMU's words (detail `class`), `unreachable` when it was not sent,
   * `timeout` when it was sent and not answered: unknown whether it was done
   */
  command(
    execute: string,
    args?: Readonly<Record<string, unknown>>,
    options?: { timeoutMs?: number },
  ): Promise<unknown>;
  /** Ends the connection permanently. */
  close(): void;
}

const Greeting = z.looseObject({ QMP: z.looseObject({}) });
const Event = z.looseObject({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) });
const Answer = z.looseObject({
  id: z.number(),
  return: z.unknown().optional(),
  error: z.looseObject({ class: z.string(), desc: z.string() }).optional(),
});

/** QEMU makes its socket within milliseconds; a socket that is gone is tried less and less often. */
const firstRetryMs = 10;
const maxRetryMs = 2_000;
/** One client has a monitor at a time. Another one, or a QEMU that hangs, leaves us without a greeting. */
const greetingMs = 10_000;

interface Pending {
  readonly execute: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
  readonly timer: NodeJS.Timeout;
}

/** Connects to QEMU's monitor at `path`, and stays connected until `close`. */
export function openQmp(path: string, options: QmpOptions): Qmp {
  const pending = new Map<number, Pending>();
  let socket: Socket | null = null;
  let isReady = false;
  let isClosed = false;
  let nextId = 1;
  let retryMs = firstRetryMs;
  let retry: NodeJS.Timeout | undefined;

  function settle(id: number, how: (command: Pending) => void): void {
    const command = pending.get(id);
    if (!command) return;
    pending.delete(id);
    clearTimeout(command.timer);
    how(command);
  }

  function send(execute: string, args: unknown, timeoutMs: number): Promise<unknown> {
    const to = socket;
    if (!to) return Promise.reject(new AppError('unreachable', `no monitor at ${path}`));
    if (pending.size >= maxQmpCommands) {
      return Promise.reject(new AppError('conflict', `${maxQmpCommands} commands wait for ${path}: try again later`));
    }
    const id = nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        settle(id, () => reject(tooLate(execute, timeoutMs)));
      }, timeoutMs);
      timer.unref();
      pending.set(id, { execute, resolve, reject, timer });
      to.write(`${JSON.stringify({ execute, ...(args === undefined ? {} : { arguments: args }), id })}\n`);
    });
  }

  function connect(): void {
    const splitter = new JsonSplitter(maxQmpMessageBytes);
    const opened = createConnection(path);
    let hasGreeting = false;
    socket = opened;
    const deadline = setTimeout(() => opened.destroy(), greetingMs);
    deadline.unref();

    const take = (text: string) => {
      const message: unknown = JSON.parse(text);
      const answer = Answer.safeParse(message);
      if (answer.success) {
        const { id, error } = answer.data;
        settle(id, ({ execute, resolve, reject }) => {
          if (error) reject(refusalOf(execute, error));
          else resolve(answer.data.return);
        });
        return;
      }
      const event = Event.safeParse(message);
      if (event.success) {
        if (isReady) options.onEvent({ event: event.data.event, data: event.data.data });
        return;
      }
      if (hasGreeting || !Greeting.safeParse(message).success) return;
      hasGreeting = true;
      send('qmp_capabilities', undefined, greetingMs).then(
        () => {
          clearTimeout(deadline);
          if (socket !== opened) return;
          isReady = true;
          retryMs = firstRetryMs;
          options.onReady?.();
        },
        () => opened.destroy(),
      );
    };

    opened.on('data', (chunk) => {
      const { texts, error } = splitter.push(chunk);
      try {
        for (const text of texts) take(text);
      } catch {
        opened.destroy();
      }
      if (error) opened.destroy();
    });
    opened.on('error', () => undefined);
    opened.on('close', () => {
      clearTimeout(deadline);
      if (socket !== opened) return;
      const wasReady = isReady;
      socket = null;
      isReady = false;
      for (const id of [...pending.keys()]) {
        settle(id, ({ execute, reject }) => reject(unanswered(execute)));
      }
      // A listener may close us.
      if (wasReady) options.onLost?.();
      if (isClosed) return;
      retry = setTimeout(connect, retryMs);
      retryMs = Math.min(maxRetryMs, retryMs * 2);
    });
  }

  connect();
  return {
    get isReady() {
      return isReady;
    },
    command(execute, args, { timeoutMs = options.commandMs ?? qmpCommandMs } = {}) {
      if (!isReady) return Promise.reject(new AppError('unreachable', `QEMU's monitor at ${path} is not connected`));
      return send(execute, args, timeoutMs);
    },
    close() {
      isClosed = true;
      isReady = false;
      clearTimeout(retry);
      socket?.destroy();
    },
  };
}

const tooLate = (execute: string, timeoutMs: number) =>
  new AppError('timeout', `QEMU did not answer ${execute} within ${timeoutMs} ms: look whether it was done`);

const unanswered = (execute: string) =>
  new AppError('timeout', `QEMU's monitor closed before it answered ${execute}: look whether it was done`);

const refusalOf = (execute: string, error: { readonly class: string; readonly desc: string }) =>
  new AppError('failed', `QEMU refused ${execute}: ${error.desc}`, { detail: { class: error.class } });
