// One port for everything: our own routes first, then Next's pages behind the gate, and upgrades to the hub's sockets and to streams.
import { createRequire } from 'node:module';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { randomBytes } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { AppError, describeError } from '../../contract/errors.ts';
import { httpPaths, simulatedHeader } from '../../contract/http-paths.ts';
import {
  headersTimeoutMs,
  maxHeaderBytes,
  maxHttpConnections,
  maxHttpStrangers,
  maxHttpStrangersPerAddress,
  requestTimeoutMs,
} from '../../contract/console-limits.ts';
import type { Api } from '../api/api.ts';
import type { Auth } from '../auth/auth.ts';
import { answerUpgrade } from '../auth/upgrade.ts';
import { isLoopback, proxyList, type Config } from '../config.ts';
import type { Hub } from '../hub/hub.ts';
import type { Fleet, Log, Runs } from '../ports.ts';
import type { Screens } from '../screens/screens.ts';
import type { AuditStore } from '../store/types.ts';
import { sendError } from './body.ts';
import { certificateStamp, ensureSelfSigned, fingerprintOf, readCertificate, type Certificate } from './certificate.ts';
import { cookiePort, innerCookies } from './cookies.ts';
import { judgePath, pathOf } from './gate.ts';
import { describeForeignHost, isOwnHost, ownNames } from './hosts.ts';
import { foreignOrigin, isTrusted, readOrigin, type RequestOrigin } from './origin.ts';
import { apiPrefix, createRoutes } from './routes.ts';
import { Strangers } from './strangers.ts';

/** What we use of Next's custom server. Its own types bring the browser's globals into every file of the server. */
interface NextApp {
  prepare(): Promise<void>;
  close(): Promise<void>;
  getRequestHandler(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  getUpgradeHandler(): (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
}
type CreateNext = (options: { dev: boolean; dir: string; hostname: string; port: number; quiet: boolean }) => NextApp;
type LoadNextConfig = (phase: string, dir: string) => Promise<unknown>;
const require = createRequire(import.meta.url);
// The cast names the shape that Next documents for its custom server.
const createNext = require('next') as CreateNext;

// Without a slash at its end, as Next writes it.
const projectPath = join(import.meta.dirname, '../..');
const certificateCheckMs = 10_000;
/** How long requests may finish at a stop before their connections are cut. */
const drainMs = 1_500;
/** How often Node looks for requests that are too slow. */
const slowCheckMs = 1_000;
/** A connection on which nothing moves. Longer than any answer takes to begin. */
const idleTimeoutMs = 120_000;
/** Refusals that a wrong reverse proxy causes are logged: each once in this time, and so many of them. */
const misdirectedLogMs = 60_000;
const maxMisdirectedLines = 10;
/** Headers by which proxies and Next steer its router; from outside they would steer past the gate. */
const steeringHeaders = /^x-(middleware|invoke|nextjs|now|matched|next)-/;

export interface HttpOptions {
  readonly config: Config;
  readonly log: Log;
  readonly version: string;
  readonly now: () => number;
}
export interface HttpComponents {
  readonly auth: Auth;
  readonly audit: AuditStore;
  readonly hub: Hub;
  readonly screens: Pick<Screens, 'upgrade'>;
  readonly api: Pick<Api, 'answer'>;
  readonly runs: Pick<Runs, 'evidence'>;
  readonly fleet: Pick<Fleet, 'openStream'>;
}
export interface Http {
  /** Listens; `url` is for people, `fingerprint` is null without a self-signed certificate. */
  start(): Promise<{ url: string; port: number; fingerprint: string | null }>;
  stop(): Promise<void>;
}

/**
 * What a page may load and who may frame it. Next's own start scripts are inline: it reads the nonce in the policy of the
 * request. Older browsers do not count the WebSocket among 'self'.
 */
function securityHeaders({ isSecure, host }: RequestOrigin, isDevelopment: boolean): Readonly<Record<string, string>> {
  const nonce = randomBytes(16).toString('base64');
  return {
    'content-security-policy': [
      "default-src 'self'",
      `script-src 'self' 'nonce-${nonce}'${isDevelopment ? " 'unsafe-eval'" : ''}`,
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data: blob:",
      `connect-src 'self' ${isSecure ? 'wss' : 'ws'}://${host}`,
      "worker-src 'self' blob:",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      // Every form is sent by a script. A browser that sent one before that script ran would write its fields, passwords too, into
      // the address.
      "form-action 'none'",
      "object-src 'none'",
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    // Browsers take it from a certificate that they trust, and not for addresses.
    ...(isSecure ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  };
}

/**
 * Reads next.config.js before Next does: its custom server prints how long that took among the lines that say how to get in,
 * `quiet` or not, unless it was read already (next/dist/server/lib/router-server.js of the pinned 16.4.6).
 */
async function readNextConfig(isDevelopment: boolean): Promise<void> {
  // The casts name what these two modules of the pinned version export.
  const phases = require('next/constants') as Record<'PHASE_DEVELOPMENT_SERVER' | 'PHASE_PRODUCTION_SERVER', string>;
  const { default: load } = require('next/dist/server/config') as { default: LoadNextConfig };
  await load(isDevelopment ? phases.PHASE_DEVELOPMENT_SERVER : phases.PHASE_PRODUCTION_SERVER, projectPath);
}

export function createHttp(options: HttpOptions, components: HttpComponents): Http {
  return new HttpServer(options, components);
}

class HttpServer implements Http {
  private readonly options: HttpOptions;
  private readonly components: HttpComponents;
  private readonly trusted: ReturnType<typeof proxyList>;
  private readonly routes: ReturnType<typeof createRoutes>;
  private readonly strangers: Strangers;
  /** What was logged in this minute: clients choose parts of the text, and must not fill the log. */
  private readonly logged = { since: -Infinity, texts: new Set<string>() };
  private readonly pages: NextApp;
  private readonly stops: (() => void)[] = [];
  private readonly open = new Set<Socket>();
  private server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer> | null = null;
  /** Slow headers and bodies end at their time: without this interval Node looks only twice a minute. */
  private readonly bounds = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: slowCheckMs,
    maxHeaderSize: maxHeaderBytes,
  };

  constructor(options: HttpOptions, components: HttpComponents) {
    this.options = options;
    this.components = components;
    this.trusted = proxyList(options.config.trustedProxies);
    this.routes = createRoutes(options, { ...components, judge: (request) => components.hub.judge(request) });
    this.strangers = new Strangers({
      total: maxHttpStrangers,
      perAddress: maxHttpStrangersPerAddress,
      isExempt: (address) => isTrusted(this.trusted, address),
    });
    const { isDevelopment: dev, host: hostname, port } = options.config;
    this.pages = createNext({ dev, dir: projectPath, hostname, port, quiet: true });
  }

  async start() {
    await readNextConfig(this.options.config.isDevelopment);
    await this.pages.prepare();
    const needsTls = this.options.config.tls !== null || !isLoopback(this.options.config.host);
    let fingerprint: string | null = null;
    if (needsTls) {
      const stamp = this.options.config.tls ? await certificateStamp(this.options.config.tls).catch(() => '') : '';
      const certificate = this.options.config.tls
        ? await readCertificate(this.options.config.tls)
        : await ensureSelfSigned(this.options.config.dataPath, ownNames(this.options.config), this.options.now());
      if (!this.options.config.tls) fingerprint = fingerprintOf(certificate);
      const tlsServer = createTlsServer(
        { ...this.bounds, ...certificate, minVersion: 'TLSv1.2', handshakeTimeout: headersTimeoutMs },
        (request, response) => this.onRequest(request, response),
      );
      if (this.options.config.tls)
        this.watchCertificate(this.options.config.tls, stamp, (renewed) => tlsServer.setSecureContext({ ...renewed }));
      this.server = tlsServer;
    } else this.server = createServer(this.bounds, (request, response) => this.onRequest(request, response));
    this.server.maxConnections = maxHttpConnections;
    this.server.timeout = idleTimeoutMs;
    this.server.on('upgrade', (request, socket, head) => this.onUpgrade(request, socket, head));
    this.server.on('connection', (socket: Socket) => {
      this.open.add(socket);
      this.strangers.add(socket);
      socket.on('close', () => this.open.delete(socket));
    });
    const port = await listen(this.server, this.options.config);
    const host = this.options.config.host.includes(':') ? `[${this.options.config.host}]` : this.options.config.host;
    return { url: `${needsTls ? 'https' : 'http'}://${host}:${port}`, port, fingerprint };
  }

  async stop() {
    for (const stop of this.stops.splice(0)) stop();
    const closing = this.server;
    if (closing) {
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      closing.closeIdleConnections();
      const timer = setTimeout(() => this.open.forEach((socket) => socket.destroy()), drainMs);
      await closed;
      clearTimeout(timer);
    }
    await this.pages.close();
  }

  private logMisdirected(text: string) {
    if (this.options.now() - this.logged.since > misdirectedLogMs) {
      this.logged.since = this.options.now();
      this.logged.texts.clear();
    }
    if (this.logged.texts.has(text) || this.logged.texts.size >= maxMisdirectedLines) return;
    this.logged.texts.add(text);
    this.options.log.warn(text);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = readOrigin(request, this.trusted);
    const problem = this.misdirected(request, origin);
    if (problem !== null) {
      sendError(response, 421, 'refused', problem);
      return;
    }
    const headers = securityHeaders(origin, this.options.config.isDevelopment);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const foreign = foreignOrigin(request, this.trusted);
    if (request.method === 'POST' && request.headers.origin !== undefined && foreign !== null)
      this.logMisdirected(foreign);
    request.headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !steeringHeaders.test(name) && name !== simulatedHeader),
    );
    request.headers['content-security-policy'] = headers['content-security-policy'];
    if (this.options.config.isSimulated) request.headers[simulatedHeader] = 'yes';
    prepareCookies(request, origin);
    const target = request.url ?? '/';
    const verdict = judgePath(target, this.options.config);
    const path = pathOf(target);
    if (verdict === 'malformed' || path === null) {
      sendError(response, 400, 'invalid', 'This address is malformed.');
      return;
    }
    const credential = async () => {
      const found = await this.components.auth.credentialOfCookie(request.headers.cookie);
      if (found) this.strangers.know(request.socket);
      return found;
    };
    if (
      await this.components.api.answer(request, response, { path, onKnown: () => this.strangers.know(request.socket) })
    )
      return;
    if (path.startsWith(apiPrefix)) {
      await this.routes({ request, response, path, origin, foreignOrigin: foreign, credential });
      return;
    }
    if ([httpPaths.socket, httpPaths.streams].some((prefix) => path.startsWith(`${prefix}/`))) {
      sendError(
        response,
        400,
        'invalid',
        'Only WebSockets connect here. Does a reverse proxy drop the Upgrade header?',
      );
      return;
    }
    // In development Next's overlay posts stack frames, to paths that are open then.
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead && !(this.options.config.isDevelopment && path.startsWith('/__nextjs'))) {
      sendError(response, 405, 'invalid', 'Pages are only read.');
      return;
    }
    if (verdict === 'closed') {
      const found = await credential();
      if (!found || !(await this.components.auth.callerOf(found))) {
        turnAway(request, response, target);
        return;
      }
      // After a logout, the browser's back button must not show it again.
      response.setHeader('cache-control', 'no-store');
    }
    await this.pages.getRequestHandler()(request, response);
  }

  private onRequest(request: IncomingMessage, response: ServerResponse) {
    this.answer(request, response).catch((error: unknown) => {
      this.options.log.error(`${request.method ?? ''} ${String(pathOf(request.url ?? ''))}: ${describeError(error)}`);
      if (response.headersSent) response.destroy();
      else sendError(response, 500, 'failed', 'The console failed at this; its log has the reason.');
    });
  }

  /** Why a request is not for this console, for people; null when it is. */
  private misdirected(request: IncomingMessage, { host, proxy }: RequestOrigin): string | null {
    const prefix = request.headers['x-forwarded-prefix'];
    if (proxy !== null && prefix !== undefined && prefix !== '' && prefix !== '/') {
      const text = `The reverse proxy at ${proxy} puts the console under the path ${String(prefix).slice(0, 200)} of another site. It needs its own host name: docs/reverse-proxy.md shows how.`;
      this.logMisdirected(text);
      return text;
    }
    if (isOwnHost(host, this.options.config)) return null;
    const text = describeForeignHost(host);
    this.logMisdirected(text);
    return text;
  }

  /** Who takes upgrades of a path. */
  private takerOf(path: string | null): Pick<Hub, 'upgrade'> | null {
    if (path === `${httpPaths.socket}/`) return this.components.hub;
    return path?.startsWith(`${httpPaths.streams}/`) ? this.components.screens : null;
  }

  private onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    // A client may go at any time, and Node listens no more.
    socket.on('error', () => undefined);
    const origin = readOrigin(request, this.trusted);
    const problem = this.misdirected(request, origin);
    if (problem !== null) {
      answerUpgrade(socket, 421, { code: 'refused', message: problem });
      return;
    }
    const taker = this.takerOf(pathOf(request.url ?? ''));
    if (taker) {
      prepareCookies(request, origin);
      taker.upgrade(request, socket, head).then(
        (isIn) => {
          if (isIn) this.strangers.know(request.socket);
        },
        (error: unknown) => {
          this.options.log.error(`upgrade: ${describeError(error)}`);
          answerUpgrade(socket, 500, {
            code: 'failed',
            message: 'The console failed at this; its log has the reason.',
          });
        },
      );
      return;
    }
    if (this.options.config.isDevelopment && foreignOrigin(request, this.trusted) === null) {
      void this.pages.getUpgradeHandler()(request, socket, head);
      return;
    }
    socket.destroy();
  }

  /** `inUse` is the stamp of before the files were read: a change since then is seen too. */
  private watchCertificate(
    paths: NonNullable<Config['tls']>,
    inUse: string,
    apply: (certificate: Certificate) => void,
  ) {
    let stamp = inUse;
    const look = async () => {
      const now = await certificateStamp(paths);
      if (now === stamp) return;
      apply(await readCertificate(paths));
      stamp = now;
      this.options.log.info(`the certificate ${paths.certificatePath} changed and is in use`);
    };
    const check = () => {
      // Half-written files are the normal case in the middle of a renewal: the old certificate stays until both fit.
      look().catch((error: unknown) =>
        this.options.log.warn(`the old certificate stays in use: ${describeError(error)}`),
      );
    };
    const timer = setInterval(check, certificateCheckMs);
    this.stops.push(() => clearInterval(timer));
  }
}

const prepareCookies = (request: IncomingMessage, origin: RequestOrigin) => {
  const cookies = innerCookies(request.headers.cookie, cookiePort(origin));
  if (cookies !== undefined) request.headers.cookie = cookies;
};

/** For a page that needs a session, sends the browser to the login and back; any other request gets a plain refusal. */
function turnAway(request: IncomingMessage, response: ServerResponse, target: string): void {
  const wantsPage = (request.headers.accept ?? '').includes('text/html');
  if (!wantsPage) {
    sendError(response, 401, 'refused', 'Log in first.');
    return;
  }
  const back = target === '/' ? '' : `?next=${encodeURIComponent(target)}`;
  response.writeHead(303, { location: `${httpPaths.login}${back}`, 'cache-control': 'no-store' });
  response.end();
}

function listen(server: ReturnType<typeof createServer>, { host, port }: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === 'EADDRINUSE' ? 'something else listens there' : cause.message;
      reject(
        new AppError('failed', `cannot listen on ${host}:${port}: ${reason}. Choose another with --listen.`, { cause }),
      );
    });
    server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
  });
}
