// The browser's one connection to the console server, typed by the contract: calls with a deadline, events, and whether the
// connection is there. socket.io reconnects; code that keeps state subscribes again on `onConnected`.
//
//   call:  emit(method, input) -> ack {ok, data} | {ok, error}        event: server emits (name, payload)
//
// What the server sends is not parsed again: it comes from the origin that the page itself came from, answers are parsed by
// the contract's schemas before they leave, and a page of another version is turned away when it connects (lib/console.ts).
// The schemas and their library would be a fifth of what the pages load.
import type { BrowserEvents, BrowserMethods, MethodName } from '../contract/browser.ts';
import { AppError, type ErrorCode } from '../contract/errors.ts';
import type { Ack, InputOf, OutputOf } from '../contract/method.ts';
import { Observable, type Readable } from './observable.ts';

export type EventName = keyof BrowserEvents;

/** What is used of a socket.io client, so that a pair in memory serves as well. */
export interface SocketLike {
  emit(name: string, input: unknown, ack: (answer: unknown) => void): unknown;
  on(name: string, listener: (...values: unknown[]) => void): unknown;
  connect(): unknown;
  disconnect(): unknown;
  readonly connected: boolean;
  /** False when it will not reconnect: the server turned it away. */
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
  private readonly explain: () => Promise<AppError | null>;
  private readonly connectionState: Observable<ConnectionState>;
  private readonly connectedListeners = new Set<() => void>();
  private readonly eventListeners = new Map<EventName, Set<(payload: never) => void>>();
  /** Ends of calls under way: a connection that is lost takes their answers with it. */
  private readonly pending = new Set<(error: AppError) => void>();

  /** `explain` asks why there is no connection; null: it is not known. */
  constructor(components: { socket: SocketLike; now: () => number; explain?: () => Promise<AppError | null> }) {
    this.socket = components.socket;
    this.now = components.now;
    this.explain = components.explain ?? (() => Promise.resolve(null));
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
    const listeners = this.eventListeners.get(name) ?? this.listenFor(name);
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
        // socket.io would keep it and send it later, when nobody expects it.
        fail(new AppError('unreachable', 'no connection to the console: try again when it is back'));
        return;
      }
      this.pending.add(fail);
      this.socket.emit(name, input, (answer) => {
        settle(() => {
          try {
            resolve(dataOfAck(name, answer) as OutputOf<BrowserMethods[Name]>);
          } catch (error) {
            reject(error instanceof Error ? error : new AppError('failed', String(error)));
          }
        });
      });
    });
  }

  /** Ends it permanently: signing out. */
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
      // The server closes what it no longer wants; socket.io then reconnects only when asked to.
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
      // Browsers hide what the server answered when it refuses a WebSocket.
      if (!isAnswered(error)) void this.learnWhy();
      if (!this.socket.active) setTimeout(() => this.connectAgain(), retryMs);
    });
    this.socket.on('session.ended', (payload) => {
      this.end((payload as BrowserEvents['session.ended']).reason);
    });
    if (this.socket.connected) this.connectionState.set({ state: 'live', since: this.now(), reason: '' });
  }

  private async learnWhy(): Promise<void> {
    const error = await this.explain();
    const { state, since } = this.connectionState.get();
    if (!error || state === 'ended' || this.socket.connected) return;
    if (error.code === 'refused') this.end(error.message);
    else this.connectionState.set({ state, since, reason: error.message });
  }

  private listenFor(name: EventName): Set<(payload: never) => void> {
    const listeners = new Set<(payload: never) => void>();
    this.eventListeners.set(name, listeners);
    this.socket.on(name, (payload) => {
      for (const listener of [...listeners]) listener(payload as never);
    });
    return listeners;
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

/** The server said why. */
function isAnswered(error: unknown): boolean {
  return error instanceof Error && 'data' in error;
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

/** Of an answer that the server parsed by the method's output schema before it left (server/hub/dispatcher). */
function dataOfAck(name: MethodName, answer: unknown): unknown {
  if (!isAck(answer)) throw new AppError('failed', `${name}: the console gave no proper answer: load the page again`);
  if (answer.ok) return answer.data;
  const { code, message, detail } = answer.error;
  throw new AppError(isErrorCode(code) ? code : 'failed', message, isRecord(detail) ? { detail } : {});
}

function isAck(answer: unknown): answer is Ack<unknown> {
  if (!isRecord(answer)) return false;
  if (answer['ok'] === true) return true;
  const error = answer['error'];
  return isRecord(error) && typeof error['code'] === 'string' && typeof error['message'] === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isErrorCode(code: string): code is ErrorCode {
  return errorCodes.has(code);
}
