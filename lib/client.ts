// The browser's one connection to the console server, typed by the contract: calls with a deadline, events, and whether the
// connection is there. socket.io connects again by itself; who keeps state subscribes again on `onConnected`.
//
//   call:  emit(method, input) -> ack {ok, data} | {ok, error}        event: server emits (name, payload)
import { z } from 'zod';
import {
  browserEvents,
  browserMethods,
  type BrowserEvents,
  type BrowserMethods,
  type MethodName,
} from '../contract/browser.ts';
import { AppError, type ErrorCode } from '../contract/errors.ts';
import type { InputOf, OutputOf } from '../contract/method.ts';
import { Observable, type Readable } from './observable.ts';

export type EventName = keyof BrowserEvents;

/** What is used of a socket.io client, so that a pair in memory serves as well. */
export interface SocketLike {
  emit(name: string, input: unknown, ack: (answer: unknown) => void): unknown;
  on(name: string, listener: (...values: unknown[]) => void): unknown;
  connect(): unknown;
  disconnect(): unknown;
  readonly connected: boolean;
  /** False when it will not connect again by itself: the server turned it away. */
  readonly active: boolean;
}

/** `connecting`: never was there yet. `lost`: was there; what is shown is as of `since`. */
export interface ConnectionState {
  readonly state: 'connecting' | 'live' | 'lost' | 'ended';
  /** When it became so, ms since 1970 by this browser's clock. */
  readonly since: number;
  /** Why it is not live, for people; empty when it is. */
  readonly reason: string;
}

export interface CallOptions {
  /** Default 15,000. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 15_000;
/** After the server turned the connection away for another reason than the session. */
const retryMs = 3_000;

export class ConsoleClient {
  private readonly socket: SocketLike;
  private readonly now: () => number;
  private readonly connectionState: Observable<ConnectionState>;
  private readonly connectedListeners = new Set<() => void>();
  private readonly eventListeners = new Map<EventName, Set<(payload: never) => void>>();
  /** Ends of calls under way: a connection that is lost takes their answers with it. */
  private readonly pending = new Set<(error: AppError) => void>();

  constructor(components: { socket: SocketLike; now: () => number }) {
    this.socket = components.socket;
    this.now = components.now;
    this.connectionState = new Observable<ConnectionState>({ state: 'connecting', since: this.now(), reason: '' });
    this.listen();
  }

  get connection(): Readable<ConnectionState> {
    return this.connectionState;
  }

  /** Calls `listener` whenever the connection comes up, also at once when it is up. */
  onConnected(listener: () => void): () => void {
    this.connectedListeners.add(listener);
    if (this.socket.connected) listener();
    return () => {
      this.connectedListeners.delete(listener);
    };
  }

  on<Name extends EventName>(name: Name, listener: (payload: BrowserEvents[Name]) => void): () => void {
    const listeners = this.eventListeners.get(name) ?? new Set<(payload: never) => void>();
    this.eventListeners.set(name, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /**
   * Calls a method of the contract. @throws AppError with the server's code and message, `unreachable` while there is no
   * connection or when it is lost before the answer (outcome unknown), `timeout`
   */
  call<Name extends MethodName>(
    name: Name,
    input: InputOf<BrowserMethods[Name]>,
    options: CallOptions = {},
  ): Promise<OutputOf<BrowserMethods[Name]>> {
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.pending.delete(fail);
        finish();
      };
      const fail = (error: AppError) => {
        settle(() => {
          reject(error);
        });
      };
      const timer = setTimeout(() => {
        fail(new AppError('timeout', `${name}: no answer from the console in ${timeoutMs / 1000} s: look again`));
      }, timeoutMs);
      if (!this.socket.connected) {
        // socket.io would keep it and send it later, when nobody expects it any more.
        fail(new AppError('unreachable', 'no connection to the console: try again when it is back'));
        return;
      }
      this.pending.add(fail);
      this.socket.emit(name, input, (answer) => {
        settle(() => {
          try {
            // The schema that parses it is the method's own output schema.
            resolve(dataOfAck(name, answer) as OutputOf<BrowserMethods[Name]>);
          } catch (error) {
            reject(error instanceof Error ? error : new AppError('failed', String(error)));
          }
        });
      });
    });
  }

  /** Ends it for good: signing out. */
  close(): void {
    this.end('signed out');
  }

  private listen(): void {
    this.socket.on('connect', () => {
      this.connectionState.set({ state: 'live', since: this.now(), reason: '' });
      for (const listener of [...this.connectedListeners]) listener();
    });
    this.socket.on('disconnect', (reason) => {
      this.lose(typeof reason === 'string' ? reason : 'connection lost');
      // The server closes what it no longer wants; socket.io then waits to be told to connect again.
      if (reason === 'io server disconnect') this.connectAgain();
    });
    this.socket.on('connect_error', (error) => {
      const reason = error instanceof Error ? error.message : 'cannot connect';
      const { state, since } = this.connectionState.get();
      if (state === 'ended') return;
      if (isRefusal(error)) {
        this.end(reason);
        return;
      }
      this.connectionState.set({ state: state === 'connecting' ? 'connecting' : 'lost', since, reason });
      if (!this.socket.active) setTimeout(() => this.connectAgain(), retryMs);
    });
    for (const name of Object.keys(browserEvents) as EventName[]) {
      this.socket.on(name, (payload) => {
        this.dispatch(name, payload);
      });
    }
    if (this.socket.connected) this.connectionState.set({ state: 'live', since: this.now(), reason: '' });
  }

  private dispatch(name: EventName, payload: unknown): void {
    const parsed = browserEvents[name].safeParse(payload);
    // A server of another version: its page is loaded anew by the banner, and a gap asks for a snapshot.
    if (!parsed.success) return;
    for (const listener of [...(this.eventListeners.get(name) ?? [])]) listener(parsed.data as never);
    if ('reason' in parsed.data && name === 'session.ended') this.end(parsed.data.reason);
  }

  private connectAgain(): void {
    if (this.connectionState.get().state !== 'ended' && !this.socket.connected) this.socket.connect();
  }

  private lose(reason: string): void {
    if (this.connectionState.get().state === 'live') {
      this.connectionState.set({ state: 'lost', since: this.now(), reason });
    }
    const error = new AppError(
      'unreachable',
      'the connection to the console was lost before the answer: look again whether it was done',
    );
    for (const fail of [...this.pending]) fail(error);
  }

  private end(reason: string): void {
    this.connectionState.set({ state: 'ended', since: this.now(), reason });
    this.lose(reason);
    this.socket.disconnect();
  }
}

/** No session, or one that ended: connecting again would be refused again. */
function isRefusal(error: unknown): boolean {
  const data = error instanceof Error && 'data' in error ? error.data : null;
  return typeof data === 'object' && data !== null && 'code' in data && data.code === 'refused';
}

const errorCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid',
  'not-found',
  'refused',
  'conflict',
  'unreachable',
  'host-key-unknown',
  'host-key-changed',
  'timeout',
  'cancelled',
  'failed',
]);

const AckShape = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), data: z.unknown() }),
  z.object({
    ok: z.literal(false),
    error: z.object({
      code: z.string(),
      message: z.string(),
      detail: z.record(z.string(), z.unknown()).optional().catch(undefined),
    }),
  }),
]);

function dataOfAck(name: MethodName, answer: unknown): unknown {
  const ack = AckShape.safeParse(answer);
  if (!ack.success) throw new AppError('failed', `${name}: the console gave no proper answer: load the page again`);
  if (ack.data.ok) {
    const parsed = browserMethods[name].output.safeParse(ack.data.data);
    if (parsed.success) return parsed.data;
    throw new AppError('failed', `${name}: the console's answer is not what this page knows: load the page again`);
  }
  const { code, message, detail } = ack.data.error;
  throw new AppError(isErrorCode(code) ? code : 'failed', message, detail ? { detail } : {});
}

function isErrorCode(code: string): code is ErrorCode {
  return errorCodes.has(code);
}
