// The console's socket.io side: who may connect, one dispatcher for all calls, and what is pushed to whom.
//
// INVARIANTS
// - A socket without a credential that holds is refused at the handshake; one whose session ends is told and closed.
// - A cookie counts only together with the console's own Origin; a token needs none (browsers do not add it by themselves).
// - A page of another version is turned away before it is sent anything: it does not parse what it gets.
// - A slow browser never makes the server's memory grow: it misses deltas, sees the gap, and asks for a snapshot.
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Server, type Socket } from 'socket.io';
import type { ConsoleKeyView } from '../../contract/browser.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { maxQueuedPackets, maxSocketFrameBytes } from '../../contract/limits.ts';
import type { Ack } from '../../contract/method.ts';
import { z } from 'zod';
import type { Auth, Credential } from '../auth/auth.ts';
import type { CaCopies } from '../bootstrap/ca-copies.ts';
import type { Fleet, HostStore, Log, Part, Runs } from '../ports.ts';
import type { AuditStore } from '../store/types.ts';
import { createAuditTexts } from './audit-texts.ts';
import { Dispatcher, type Connection } from './dispatcher.ts';
import { createHandlers } from './handlers.ts';
import { followKnownNodes } from './known-nodes.ts';

const fleetRoom = 'fleet';
const slowRoom = 'slow';
/** How soon an idle page learns that its session expired; a call learns at once. */
const sessionCheckMs = 30_000;

export interface HubOptions {
  readonly log: Log;
  readonly version: string;
  readonly isSimulated: boolean;
  readonly now: () => number;
}
export interface HubComponents {
  readonly auth: Auth;
  readonly fleet: Fleet;
  readonly runs: Runs;
  readonly audit: AuditStore;
  readonly hosts: Pick<HostStore, 'list' | 'onChanged'>;
  readonly consoleKeys: () => Promise<ConsoleKeyView[]>;
  readonly caCopies: Pick<CaCopies, 'list' | 'keep'>;
}
export interface Hub extends Part {
  /** Takes the upgrades of the console's socket path; `isOwnOrigin` judges a request by its Origin header. */
  attach(server: HttpServer | HttpsServer, isOwnOrigin: (request: IncomingMessage) => boolean): void;
  /** Sockets that are open. */
  readonly size: number;
}

const HandshakeAuth = z
  .object({
    token: z.string().max(200).optional(),
    /** Of a page: what it was built from. */
    version: z.string().max(100).optional(),
  })
  .catch({});

interface SocketState {
  readonly connection: Connection;
  readonly credential: Credential;
}

export function createHub(options: HubOptions, components: HubComponents): Hub {
  const { auth, fleet, runs, audit, hosts } = components;
  const { log, now } = options;
  const io = new Server({
    path: httpPaths.socket,
    serveClient: false,
    transports: ['websocket'],
    maxHttpBufferSize: maxSocketFrameBytes,
    perMessageDeflate: false,
    destroyUpgrade: false,
  });
  const states = new Map<string, SocketState>();
  /** Of sockets between handshake and connection. */
  const credentials = new WeakMap<Socket, Credential>();
  const userName = async (id: string) => (await auth.users()).find((user) => user.id === id)?.email ?? id;
  const dispatcher = new Dispatcher(
    { log, now },
    {
      handlers: createHandlers({ version: options.version, isSimulated: options.isSimulated }, components),
      audit,
      describe: createAuditTexts({ runs, userName }),
      callerOf: (credential) => auth.callerOf(credential),
    },
  );

  const endCredentials = (ids: readonly string[], reason: string) => {
    const ended = new Set(ids);
    for (const { connection, credential } of states.values()) if (ended.has(credential.id)) connection.end(reason);
  };
  const checkSessions = async () => {
    for (const { connection, credential } of [...states.values()]) {
      if (!(await auth.callerOf(credential))) connection.end('Your session ended: log in again.');
    }
  };
  const markSlow = () => {
    for (const id of io.sockets.adapter.rooms.get(fleetRoom) ?? []) {
      const socket = io.sockets.sockets.get(id);
      if (!socket) continue;
      const queued = (socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
      void (queued > maxQueuedPackets ? socket.join(slowRoom) : socket.leave(slowRoom));
    }
  };

  const accept = (socket: Socket, credential: Credential) => {
    const connection = createConnection(socket, credential);
    states.set(socket.id, { connection, credential });
    const abort = connection.abort;
    socket.onAny((name: string, ...args: unknown[]) => {
      const respond = args.at(-1);
      const raw = typeof respond === 'function' ? args.slice(0, -1)[0] : args[0];
      void dispatcher.call(connection, name, raw).then(({ ack, after }) => {
        if (typeof respond === 'function') (respond as (ack: Ack<unknown>) => void)(ack);
        after();
      });
    });
    socket.on('disconnect', () => {
      states.delete(socket.id);
      abort.abort();
      for (const end of [...connection.follows.values()]) end();
      connection.follows.clear();
    });
  };

  const stops: (() => void)[] = [];
  let isAttached = false;
  return {
    get size() {
      return states.size;
    },

    attach(server, isOwnOrigin) {
      isAttached = true;
      io.use((socket, next) => {
        identify(socket, isOwnOrigin, auth).then(
          (credential) => {
            if (!credential) {
              next(refusal('refused', 'Log in first.'));
              return;
            }
            const { version = options.version } = HandshakeAuth.parse(socket.handshake.auth);
            if (version !== options.version) {
              next(refusal('conflict', `it is of version ${options.version} now: load the page again`));
              return;
            }
            credentials.set(socket, credential);
            next();
          },
          (error: unknown) => {
            log.error(`handshake: ${String(error)}`);
            next(refusal('refused', 'The console failed at this; its log has the reason.'));
          },
        );
      });
      // Not before: one that went away during the look-up never gets here, and nobody would take it out again.
      io.on('connection', (socket) => {
        const credential = credentials.get(socket);
        if (credential) accept(socket, credential);
      });
      io.attach(server, {
        path: httpPaths.socket,
        destroyUpgrade: false,
        allowRequest: (request, decide) => {
          // A browser always sends Origin with an upgrade: another site's page is turned away before anything is read.
          const isForeign = request.headers.origin !== undefined && !isOwnOrigin(request);
          decide(isForeign ? 'foreign origin' : null, !isForeign);
        },
      });
    },

    start() {
      const timer = setInterval(() => {
        checkSessions().catch((error: unknown) => log.error(`checking sessions: ${String(error)}`));
      }, sessionCheckMs);
      stops.push(
        () => clearInterval(timer),
        auth.onEnded(endCredentials),
        fleet.onDelta((delta) => {
          markSlow();
          io.to(fleetRoom).except(slowRoom).emit('fleet.delta', delta);
        }),
        runs.onChanged((summary) => io.emit('runs.changed', summary)),
        followKnownNodes(hosts, (change) => io.emit('nodes.changed', change)),
      );
      return Promise.resolve();
    },

    stop() {
      for (const stop of stops.splice(0)) stop();
      io.disconnectSockets(true);
      // There is none before `attach`: a start that failed half-way stops too.
      if (isAttached) io.engine.close();
      return Promise.resolve();
    },
  };
}

/** Reads who is at the other end of a handshake; null for nobody known. */
async function identify(
  socket: Socket,
  isOwnOrigin: (request: IncomingMessage) => boolean,
  auth: Auth,
): Promise<Credential | null> {
  const { token } = HandshakeAuth.parse(socket.handshake.auth);
  if (token !== undefined) return auth.credentialOfToken(token);
  if (!isOwnOrigin(socket.request)) return null;
  return auth.credentialOfCookie(socket.request.headers.cookie);
}

function refusal(code: ErrorCode, message: string): Error {
  // socket.io hands `data` to the client's connect_error.
  return Object.assign(new Error(message), { data: { code, message } });
}

function createConnection(socket: Socket, credential: Credential): Connection & { readonly abort: AbortController } {
  const abort = new AbortController();
  return {
    id: socket.id,
    credential,
    abort,
    signal: abort.signal,
    follows: new Map(),
    callsInFlight: 0,
    emit: (event, data) => void socket.emit(event, data),
    joinFleet: () => void socket.join(fleetRoom),
    leaveFleet: () => void socket.leave(fleetRoom),
    end(reason) {
      socket.emit('session.ended', { reason });
      socket.disconnect(true);
    },
  };
}
