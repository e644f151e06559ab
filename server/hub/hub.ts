// The console's socket.io side: who may connect, and what is pushed to whom. Calls go to the dispatcher.
//
// INVARIANTS
// - An upgrade without a credential that holds is refused before a frame is read; a socket whose session ends gets the reason and is closed.
// - A cookie counts only together with the console's own Origin; a token needs none (browsers do not add it on their own).
// - A page of another version is turned away before it is sent anything: it does not parse what it gets.
// - A slow browser never makes the server's memory grow: it misses deltas, sees the gap, and asks for a snapshot. One that
//   does not read at all is cut off (outbox.ts), and its calls wait meanwhile (lanes.ts).
import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Server, type Socket } from 'socket.io';
import type { ErrorCode } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import {
  headersTimeoutMs,
  maxConsoleSockets,
  maxSocketQueueBytes,
  maxSocketsPerUser,
  maxUnreadBytes,
} from '../../contract/console-limits.ts';
import { maxSocketFrameBytes } from '../../contract/limits.ts';
import type { Ack } from '../../contract/method.ts';
import { z } from 'zod';
import type { Auth, Credential } from '../auth/auth.ts';
import {
  answerUpgrade,
  judgeUpgrade,
  refuseUpgrade,
  type UpgradeRefusal,
  type UpgradeVerdict,
} from '../auth/upgrade.ts';
import type { Caller, Fleet, HostStore, Log, Part, Runs } from '../ports.ts';
import type { Connection, Dispatcher } from './dispatcher.ts';
import { followKnownNodes } from './known-node-rows.ts';
import { Outbox } from './outbox.ts';

const fleetRoom = 'fleet';
const slowRoom = 'slow';
/** How soon an idle page learns that its session expired; a call learns at once. */
const sessionCheckMs = 30_000;

export interface HubOptions {
  readonly log: Log;
  readonly version: string;
  /** Why a request is not from a page of the console, for people; null when it is. */
  readonly foreignOrigin: (request: IncomingMessage) => string | null;
}
export interface HubComponents {
  readonly auth: Auth;
  readonly fleet: Pick<Fleet, 'onDelta'>;
  readonly runs: Pick<Runs, 'onChanged'>;
  readonly hosts: Pick<HostStore, 'list' | 'onChanged'>;
  readonly dispatcher: Pick<Dispatcher, 'call'>;
}
export interface Hub extends Part {
  /** Takes an upgrade of the console's socket path, or answers why not: false. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean>;
  /** Whether a request with these headers would get a socket. */
  judge(request: IncomingMessage): Promise<UpgradeVerdict>;
  /** Sockets that are open. */
  readonly size: number;
}

/** Of a page: what it was built from. */
const HandshakeAuth = z.object({ version: z.string().max(100).optional() }).catch({});

interface SocketState {
  readonly connection: Connection;
  readonly credential: Credential;
  readonly outbox: Outbox;
}

export function createHub(options: HubOptions, components: HubComponents): Hub {
  return new SocketHub(options, components);
}

class SocketHub implements Hub {
  private readonly options: HubOptions;
  private readonly components: HubComponents;
  // Upgrades come by `upgrade`, once their session is known: this server never listens.
  private readonly io = new Server(createServer(), {
    path: httpPaths.socket,
    serveClient: false,
    transports: ['websocket'],
    maxHttpBufferSize: maxSocketFrameBytes,
    perMessageDeflate: false,
    connectTimeout: headersTimeoutMs,
  });
  private readonly states = new Map<string, SocketState>();
  /** Of upgrades that were let in. */
  private readonly admitted = new WeakMap<IncomingMessage, { credential: Credential; caller: Caller }>();
  /** Upgraded connections, by user. */
  private readonly openByUser = new Map<string, number>();
  private open = 0;
  private readonly stops: (() => void)[] = [];

  constructor(options: HubOptions, components: HubComponents) {
    this.options = options;
    this.components = components;
    this.io.use((socket, next) => {
      const { version = this.options.version } = HandshakeAuth.parse(socket.handshake.auth);
      if (version === this.options.version) next();
      else next(refusal('conflict', `it is of version ${this.options.version} now: load the page again`));
    });
    this.io.on('connection', (socket) => {
      const who = this.admitted.get(socket.request);
      if (who) this.accept(socket, who);
      else socket.disconnect(true);
    });
  }

  get size() {
    return this.states.size;
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    // Another id than one of ours would be looked up, and a second connection put in its place.
    if (new URL(request.url ?? '/', 'http://console').searchParams.has('sid')) {
      answerUpgrade(socket, 400, { code: 'invalid', message: 'An upgrade begins a new connection, without sid.' });
      return false;
    }
    const judged = await this.judge(request);
    if (socket.destroyed) return false;
    // Others may have come while this one was looked up.
    const verdict = 'error' in judged ? judged : (this.overCap(judged.caller) ?? judged);
    if ('error' in verdict) {
      answerUpgrade(socket, verdict.status, verdict.error);
      return false;
    }
    this.count(verdict.caller, socket);
    this.admitted.set(request, verdict);
    (this.io.engine as unknown as UpgradeTaker).handleUpgrade(request, socket, head);
    return true;
  }

  start() {
    const timer = setInterval(() => {
      this.checkSessions().catch((error: unknown) => this.options.log.error(`checking sessions: ${String(error)}`));
    }, sessionCheckMs);
    this.stops.push(
      () => clearInterval(timer),
      this.components.auth.onEnded((ids, reason) => this.endCredentials(ids, reason)),
      this.components.fleet.onDelta((delta) => {
        this.markSlow();
        this.io.to(fleetRoom).except(slowRoom).emit('fleet.delta', delta);
      }),
      this.components.runs.onChanged((summary) => this.io.emit('runs.changed', summary)),
      followKnownNodes(this.components.hosts, (change) => this.io.emit('nodes.changed', change)),
    );
    return Promise.resolve();
  }

  stop() {
    for (const stop of this.stops.splice(0)) stop();
    this.io.disconnectSockets(true);
    this.io.engine.close();
    return Promise.resolve();
  }

  private endCredentials(ids: readonly string[], reason: string) {
    const ended = new Set(ids);
    for (const { connection, credential } of this.states.values()) if (ended.has(credential.id)) connection.end(reason);
  }

  private async checkSessions() {
    for (const { connection, credential } of [...this.states.values()]) {
      if (!(await this.components.auth.callerOf(credential))) connection.end('Your session ended: log in again.');
    }
  }

  private markSlow() {
    for (const id of this.io.sockets.adapter.rooms.get(fleetRoom) ?? []) {
      const socket = this.io.sockets.sockets.get(id);
      const state = this.states.get(id);
      if (!socket || !state) continue;
      void (state.outbox.bytes > maxUnreadBytes ? socket.join(slowRoom) : socket.leave(slowRoom));
    }
  }

  async judge(request: IncomingMessage): Promise<UpgradeVerdict> {
    const judged = await judgeUpgrade(request, {
      auth: this.components.auth,
      foreignOrigin: this.options.foreignOrigin,
    });
    return 'error' in judged ? judged : (this.overCap(judged.caller) ?? judged);
  }

  /** Null when the user may have one more. */
  private overCap({ userId }: Caller): UpgradeRefusal | null {
    if ((this.openByUser.get(userId) ?? 0) >= maxSocketsPerUser) {
      const text = `You have ${maxSocketsPerUser} connections to the console open: close tabs of it, or programs that use your tokens.`;
      return refuseUpgrade(429, 'conflict', text);
    }
    if (this.open >= maxConsoleSockets) {
      const text = `The console has ${maxConsoleSockets} connections open, which is its limit: try again when some have ended.`;
      return refuseUpgrade(429, 'conflict', text);
    }
    return null;
  }

  /** Counts it from now until its connection is gone. */
  private count({ userId }: Caller, socket: Duplex) {
    this.open += 1;
    this.openByUser.set(userId, (this.openByUser.get(userId) ?? 0) + 1);
    socket.once('close', () => {
      this.open -= 1;
      const left = (this.openByUser.get(userId) ?? 1) - 1;
      if (left === 0) this.openByUser.delete(userId);
      else this.openByUser.set(userId, left);
    });
  }

  private accept(socket: Socket, { credential, caller }: { credential: Credential; caller: Caller }) {
    const outbox = new Outbox(
      { limit: maxSocketQueueBytes },
      {
        engine: socket.conn,
        socket: socket.request.socket,
        onFull: (bytes) =>
          this.options.log.warn(
            `a connection of ${caller.name} is closed: it does not read, ${bytes} bytes wait for it`,
          ),
      },
    );
    const connection = createConnection(socket, credential, outbox);
    this.states.set(socket.id, { connection, credential, outbox });
    const abort = connection.abort;
    socket.onAny((name: string, ...args: unknown[]) => {
      const respond = args.at(-1);
      const raw = typeof respond === 'function' ? args.slice(0, -1)[0] : args[0];
      void this.components.dispatcher.call(connection, name, raw).then(({ ack, after }) => {
        if (typeof respond === 'function') (respond as (ack: Ack<unknown>) => void)(ack);
        after();
      });
    });
    socket.on('disconnect', () => {
      this.states.delete(socket.id);
      abort.abort();
      outbox.close();
      for (const end of [...connection.follows.values()]) end();
      connection.follows.clear();
    });
  }
}

/** What is used of engine.io's server, whose types socket.io does not hand on. */
interface UpgradeTaker {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

function refusal(code: ErrorCode, message: string): Error {
  // socket.io hands `data` to the client's connect_error.
  return Object.assign(new Error(message), { data: { code, message } });
}

function createConnection(
  socket: Socket,
  credential: Credential,
  outbox: Outbox,
): Connection & { readonly abort: AbortController } {
  const abort = new AbortController();
  return {
    id: socket.id,
    credential,
    abort,
    signal: abort.signal,
    follows: new Map(),
    callsInFlight: 0,
    lanes: new Map(),
    room: () => outbox.room(maxUnreadBytes),
    emit: (event, data) => void socket.emit(event, data),
    joinFleet: () => void socket.join(fleetRoom),
    leaveFleet: () => void socket.leave(fleetRoom),
    end(reason) {
      socket.emit('session.ended', { reason });
      socket.disconnect(true);
    },
  };
}
