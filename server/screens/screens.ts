// Streams of nodes in pages: a WebSocket per stream. Owns who may open which, how many at once, and that a stream ends with the
// session that opened it. What a service is and where its nodes are come from outside.
//
// INVARIANTS
// - An upgrade without a credential that holds, from another site, or of a role that may not, is refused before a frame is read.
// - A stream whose session ends, or whose user's role is no longer enough, is closed at once; nothing passes after that.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { z } from 'zod';
import {
  maxConsoleStreams,
  maxStreamMessageBytes,
  maxStreamsPerUser,
  streamAliveMs,
  streamOpeningMs,
} from '../../contract/console-limits.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { maxRangeNameLength } from '../../contract/limits.ts';
import { findUnsafeText } from '../../contract/plain-text.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import { streamClose } from '../../contract/streams.ts';
import type { Auth, Credential } from '../auth/auth.ts';
import { answerUpgrade, judgeUpgrade, refuseUpgrade, type UpgradeRefusal } from '../auth/upgrade.ts';
import { AuditQuota } from '../hub/audit-quota.ts';
import type { Caller, Fleet, Log, Part, StreamCall } from '../ports.ts';
import type { AuditStore } from '../store/types.ts';
import { closeWith } from './join.ts';
import { plainStream, type PreparedStream, type StreamService, type StreamServices } from './service.ts';

export interface ScreensOptions {
  readonly log: Log;
  readonly now: () => number;
  /** Why a request is not from a page of the console, for people; null when it is. */
  readonly foreignOrigin: (request: IncomingMessage) => string | null;
  readonly services: StreamServices;
}
export interface ScreensComponents {
  readonly auth: Auth;
  readonly audit: AuditStore;
  readonly fleet: Pick<Fleet, 'openStream'>;
}
export interface Screens extends Part {
  /** Takes an upgrade below the console's path of streams, or answers why not: false. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<boolean>;
  /** Streams that are open. */
  readonly size: number;
}

const maxArgsCharacters = 2_000;
const sessionCheckMs = 30_000;

const Query = z.object({
  cluster: z.string().max(maxRangeNameLength).default(''),
  node: z.string().max(maxRangeNameLength).default(''),
  args: z.string().max(maxArgsCharacters).default('null'),
});

/** What a page asks for. */
interface Asked extends Omit<StreamCall, 'timeoutMs' | 'signal'> {
  readonly role: Role;
  readonly prepare: StreamService['prepare'];
}

/** One WebSocket, and from when it is opened its stream. */
interface Open {
  readonly credential: Credential;
  readonly userId: string;
  readonly prepared: PreparedStream;
  readonly socket: WebSocket;
  readonly giveUp: AbortController;
  stream: Duplex | null;
  /** What its service does when it is over. */
  leave: () => void;
  isAlive: boolean;
}

export function createScreens(options: ScreensOptions, components: ScreensComponents): Screens {
  return new StreamScreens(options, components);
}

class StreamScreens implements Screens {
  private readonly options: ScreensOptions;
  private readonly components: ScreensComponents;
  private readonly quota: AuditQuota;
  private readonly server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: maxStreamMessageBytes,
  });
  private readonly open = new Set<Open>();
  private readonly stops: (() => void)[] = [];

  constructor(options: ScreensOptions, components: ScreensComponents) {
    this.options = options;
    this.components = components;
    this.quota = new AuditQuota({ log: this.options.log, now: this.options.now }, { audit: this.components.audit });
  }

  get size() {
    return this.open.size;
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    const judged = await this.judge(request);
    if (socket.destroyed) return false;
    // Others may have come while this one was looked up.
    const verdict = 'error' in judged ? judged : (this.overCap(judged.caller.userId) ?? judged);
    if ('error' in verdict) {
      answerUpgrade(socket, verdict.status, verdict.error);
      return false;
    }
    const { caller, credential, asked } = verdict;
    this.server.handleUpgrade(request, socket, head, (accepted) => this.accept(accepted, caller, credential, asked));
    return true;
  }

  start() {
    const sessions = setInterval(() => this.recheckLater([...this.open]), sessionCheckMs);
    const alive = setInterval(() => {
      for (const entry of this.open) {
        // One that is paused reads no pong: it lives as long as its TCP connection does.
        if (!entry.isAlive && !entry.socket.isPaused) entry.socket.terminate();
        entry.isAlive = false;
        entry.socket.ping();
      }
    }, streamAliveMs);
    this.stops.push(
      () => clearInterval(sessions),
      () => clearInterval(alive),
      this.components.auth.onEnded((ids, reason) => {
        const ended = new Set(ids);
        for (const entry of [...this.open]) {
          if (ended.has(entry.credential.id)) end(entry, streamClose.sessionEnded, reason);
        }
      }),
      this.components.auth.onRoleChanged((userId) =>
        this.recheckLater([...this.open].filter((entry) => entry.userId === userId)),
      ),
    );
    return Promise.resolve();
  }

  async stop() {
    for (const stop of this.stops.splice(0)) stop();
    for (const entry of [...this.open]) {
      end(entry, streamClose.goingAway, 'the console is stopping');
      entry.socket.terminate();
    }
    await this.quota.closeOver({ isAll: true });
  }

  /** Ends those whose credential or role no longer holds. */
  private async recheck(entries: readonly Open[]) {
    for (const entry of entries) {
      const caller = await this.components.auth.callerOf(entry.credential);
      const reason = caller ? entry.prepared.whyNot(caller.role) : 'Your session ended: log in again.';
      if (reason !== null) end(entry, streamClose.sessionEnded, reason);
    }
  }

  private recheckLater(entries: readonly Open[]) {
    this.recheck(entries).catch((error: unknown) =>
      this.options.log.error(`checking streams: ${describeError(error)}`),
    );
  }

  /** Null when the user may have one more. */
  private overCap(userId: string): UpgradeRefusal | null {
    const own = [...this.open].filter((entry) => entry.userId === userId).length;
    if (own >= maxStreamsPerUser) {
      return refuseUpgrade(429, 'conflict', `You have ${maxStreamsPerUser} screens and consoles open: close some.`);
    }
    if (this.open.size < maxConsoleStreams) return null;
    const text = `The console has ${maxConsoleStreams} screens and consoles open, which is its limit: try again when some have ended.`;
    return refuseUpgrade(429, 'conflict', text);
  }

  private async judge(request: IncomingMessage) {
    const judged = await judgeUpgrade(request, {
      auth: this.components.auth,
      foreignOrigin: this.options.foreignOrigin,
    });
    if ('error' in judged) return judged;
    const asked = askedFor(request, this.options.services);
    if ('error' in asked) return asked;
    const { caller } = judged;
    if (!isAtLeast(caller.role, asked.role)) {
      const text = `${asked.service} needs the role ${asked.role}, and you are ${caller.role}`;
      await this.record(caller, asked, plainStream(asked).what, new AppError('refused', text));
      return refuseUpgrade(403, 'refused', text);
    }
    return { ...judged, asked };
  }

  private async record(caller: Caller, asked: Asked, what: string, error: AppError | null) {
    const entry = {
      at: this.options.now(),
      who: caller.name,
      what,
      where: asked.node === '' ? 'the attached node' : asked.node,
      result: error === null ? 'ok' : error.code === 'refused' || error.code === 'conflict' ? 'refused' : 'failed',
      message: error?.message.slice(0, 2_000) ?? '',
    } as const;
    await this.quota.append(entry, 'use').catch((cause: unknown) => {
      this.options.log.error(`not in the audit log: ${JSON.stringify(entry)}: ${describeError(cause)}`);
    });
  }

  /** Opens the node's stream, and joins it to the page. */
  private async connect(entry: Open, asked: Asked, node: NonNullable<PreparedStream['node']>) {
    const { socket, giveUp } = entry;
    // What the page sends before the stream is there waits in its own kernel.
    socket.pause();
    const { signal } = giveUp;
    const call = { cluster: asked.cluster, node: asked.node, service: asked.service, args: node.args };
    const stream = await this.components.fleet.openStream({ ...call, timeoutMs: streamOpeningMs, signal });
    if (signal.aborted) {
      stream.destroy();
      return;
    }
    entry.stream = stream;
    entry.leave = node.join(socket, stream);
    socket.resume();
  }

  private async run(entry: Open, caller: Caller, asked: Asked) {
    const { socket, prepared } = entry;
    let failure: AppError | null = null;
    try {
      if (prepared.node) await this.connect(entry, asked, prepared.node);
      else if (prepared.serve) entry.leave = prepared.serve(socket);
    } catch (error) {
      if (!(error instanceof AppError)) this.options.log.error(`stream ${asked.service}: ${describeError(error)}`);
      failure =
        error instanceof AppError
          ? error
          : new AppError('failed', 'The console failed at this; its log has the reason.');
      closeWith(socket, streamClose.failed, failure.message);
    }
    await this.record(caller, asked, prepared.what, failure);
  }

  private accept(socket: WebSocket, caller: Caller, credential: Credential, asked: Asked) {
    const giveUp = new AbortController();
    const audit = (what: string) => void this.record(caller, asked, what, null);
    const entry: Open = {
      credential,
      userId: caller.userId,
      prepared: asked.prepare?.({ caller, ...asked, audit }) ?? plainStream(asked),
      socket,
      giveUp,
      stream: null,
      leave: () => undefined,
      isAlive: true,
    };
    this.open.add(entry);
    // Too large a message, or one that is not of the protocol: `ws` closes it, with the code.
    socket.on('error', () => undefined);
    socket.on('pong', () => (entry.isAlive = true));
    socket.on('close', () => {
      this.open.delete(entry);
      giveUp.abort();
      leave(entry);
    });
    this.run(entry, caller, asked).catch((error: unknown) =>
      this.options.log.error(`stream ${asked.service}: ${describeError(error)}`),
    );
  }
}

const leave = (entry: Open) => {
  const { leave: does } = entry;
  entry.leave = () => undefined;
  does();
};

const end = (entry: Open, code: number, reason: string) => {
  entry.giveUp.abort();
  entry.stream?.destroy();
  leave(entry);
  closeWith(entry.socket, code, reason);
};

/** What a request asks for, or why nobody gets it. */
function askedFor(request: IncomingMessage, services: StreamServices): Asked | UpgradeRefusal {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://console');
  const name = pathname.slice(httpPaths.streams.length + 1);
  const service = Object.hasOwn(services, name) ? services[name] : undefined;
  if (!service)
    return refuseUpgrade(404, 'not-found', 'The console has no such stream: is the page of another version?');
  const query = Query.safeParse(Object.fromEntries(searchParams));
  if (!query.success) return refuseUpgrade(400, 'invalid', z.prettifyError(query.error));
  const { cluster, node } = query.data;
  const args = service.args.safeParse(parseJson(query.data.args));
  if (!args.success) return refuseUpgrade(400, 'invalid', `args: ${z.prettifyError(args.error)}`);
  const unsafe = findUnsafeText({ cluster, node, args: args.data });
  if (unsafe) return refuseUpgrade(400, 'invalid', `${unsafe.path.join('.')} ${unsafe.message}`);
  return { service: name, role: service.role, prepare: service.prepare, cluster, node, args: args.data ?? null };
}

/** Undefined, which no service takes, for what is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
