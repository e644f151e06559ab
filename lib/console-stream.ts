// A console of a VM in a page: one WebSocket after the other, each joined to what draws it. Owns when the next one is opened, and what is known meanwhile; the
// bytes are the drawer's. contract/streams.ts has what goes over it.
//
//   want(true): connecting -> open -> (lost) waiting, with a countdown -> connecting …
//   want(false): what is open stays as long as it does, and then it is over
import { httpPaths } from '../contract/http-paths.ts';
import { streamClose, takeKeyboard, type ConsoleNews, type ConsoleWatcher } from '../contract/streams.ts';
import { Observable, type Readable } from './observable.ts';

export interface ConsoleAddress {
  readonly service: 'vnc' | 'serial' | 'wall';
  readonly cluster: string;
  /** Name of the node; empty for the wall, which is of all nodes. */
  readonly node: string;
  readonly args: Readonly<Record<string, unknown>> | null;
}

/** `waiting`: it is gone, for `reason`, and is tried again at `retryAt` (ms since 1970). `over`: it is gone or never was, and is not wanted. */
export type ConsoleLink =
  | { readonly at: 'over' }
  | { readonly at: 'connecting' }
  | { readonly at: 'open' }
  | { readonly at: 'waiting'; readonly reason: string; readonly retryAt: number };

export interface ConsoleState {
  readonly link: ConsoleLink;
  /** Who looks at the VM; empty while not open. */
  readonly watchers: readonly ConsoleWatcher[];
}

/** What draws one connection. */
export interface ConsoleSink {
  readonly onOpen: () => void;
  readonly onBytes: (bytes: ArrayBuffer) => void;
  /** It is over; nothing more comes. */
  readonly onEnd: () => void;
}
/** What it sends through. */
export interface ConsoleWire {
  /** The connection before this one was lost, and this one begins with what that showed. */
  readonly isAgain: boolean;
  readonly send: (bytes: Uint8Array) => void;
  /** Text for the console. */
  readonly tell: (text: string) => void;
  /** Ends this connection; another one is opened after a while. */
  readonly close: () => void;
}

/** As a browser's WebSocket, so that one in memory serves as well. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: Uint8Array<ArrayBuffer> | string): void;
  close(): void;
}

export interface ConsoleStreamComponents {
  /** Called for each connection, before it is opened. */
  readonly draw: (wire: ConsoleWire) => ConsoleSink;
  readonly createSocket?: (url: string) => WebSocketLike;
  readonly now?: () => number;
  readonly later?: (run: () => void, ms: number) => () => void;
}

export const noConsole: ConsoleState = { link: { at: 'over' }, watchers: [] };

/** Between two tries; one that stayed open for a while begins with the first again. */
const retryMs = [1_000, 2_000, 4_000, 8_000, 15_000];
const steadyMs = 10_000;
const openState = 1;

export class ConsoleStream {
  private readonly address: ConsoleAddress;
  private readonly components: Required<ConsoleStreamComponents>;
  private readonly current = new Observable<ConsoleState>(noConsole);
  private socket: WebSocketLike | null = null;
  private sink: ConsoleSink | null = null;
  private tries = 0;
  private openedAt = 0;
  private cancelRetry: () => void = () => undefined;
  private isWanted = false;
  private isAgain = false;

  constructor(address: ConsoleAddress, components: ConsoleStreamComponents) {
    this.address = address;
    this.components = {
      // Its handlers may take more than ours do.
      createSocket: (url) => new WebSocket(url) as WebSocketLike,
      now: () => Date.now(),
      later: (run, ms) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      ...components,
    };
  }

  get state(): Readable<ConsoleState> {
    return this.current;
  }

  /** Whether there is something to connect to; at first there is not. */
  want(isWanted: boolean): void {
    this.isWanted = isWanted;
    if (isWanted && this.current.get().link.at === 'over') this.connect();
    if (isWanted || this.socket) return;
    this.cancelRetry();
    this.isAgain = false;
    this.current.set(noConsole);
  }

  /** Opens it now, where it waits for that. */
  connect(): void {
    if (!this.isWanted || this.socket) return;
    this.cancelRetry();
    this.current.set({ link: { at: 'connecting' }, watchers: [] });
    const socket = this.components.createSocket(urlOf(this.address));
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    const sink = this.components.draw({
      isAgain: this.isAgain,
      send: (bytes) => {
        // Typed while it closes: lost, as on a cable that was pulled.
        if (socket.readyState === openState) socket.send(new Uint8Array(bytes));
      },
      tell: (text) => {
        if (socket.readyState === openState) socket.send(text);
      },
      close: () => socket.close(),
    });
    this.sink = sink;
    socket.onopen = () => {
      this.openedAt = this.components.now();
      this.current.set({ ...this.current.get(), link: { at: 'open' } });
      sink.onOpen();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string')
        this.current.set({ ...this.current.get(), watchers: (JSON.parse(data) as ConsoleNews).watchers });
      else sink.onBytes(data as ArrayBuffer);
    };
    socket.onclose = ({ code, reason }) => this.onClosed(code, reason);
  }

  /** Takes the keyboard from who has it. */
  take(): void {
    if (this.socket?.readyState === openState) this.socket.send(takeKeyboard);
  }

  /** Ends it permanently. */
  close(): void {
    this.isWanted = false;
    this.cancelRetry();
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.sink?.onEnd();
  }

  private onClosed(code: number, reason: string): void {
    const { now, later } = this.components;
    const wasOpen = this.current.get().link.at === 'open';
    this.socket = null;
    this.isAgain ||= wasOpen;
    this.sink?.onEnd();
    if (!this.isWanted) {
      this.want(false);
      return;
    }
    if (wasOpen && now() - this.openedAt >= steadyMs) this.tries = 0;
    const ms = retryMs[Math.min(this.tries, retryMs.length - 1)] ?? 0;
    this.tries += 1;
    this.current.set({
      link: { at: 'waiting', reason: reasonOf(code, reason, wasOpen), retryAt: now() + ms },
      watchers: [],
    });
    this.cancelRetry = later(() => this.connect(), ms);
  }
}

function reasonOf(code: number, reason: string, wasOpen: boolean): string {
  if (reason !== '') return reason;
  if (code === streamClose.ended) return 'The node ended the connection';
  if (code === streamClose.goingAway) return 'The console restarts';
  if (wasOpen) return 'The connection to the console was lost';
  // Browsers do not say what an upgrade was answered with.
  return 'The console did not open it: it may be restarting, or you have too many screens open';
}

function urlOf({ service, cluster, node, args }: ConsoleAddress): string {
  const url = new URL(`${httpPaths.streams}/${service}`, window.location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = new URLSearchParams({ cluster, node, args: JSON.stringify(args) }).toString();
  return url.href;
}
