// The plain HTTP requests that the console answers itself: health, login, logout, first admin, export of the audit log.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { browserMethods } from '../../contract/browser.ts';
import { AppError, type ErrorCode } from '../../contract/errors.ts';
import { LoginRequest, SetupRequest, type Health } from '../../contract/http.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Auth, Credential } from '../auth/auth.ts';
import type { UpgradeVerdict } from '../auth/upgrade.ts';
import type { Fleet, Runs } from '../ports.ts';
import type { AuditKind, AuditStore } from '../store/types.ts';
import { readJson, sendError, sendJson } from './body.ts';
import { sendCaptures } from './capture-download.ts';
import { cookiePort, outerCookie } from './cookies.ts';
import type { RequestOrigin } from './origin.ts';

export interface RouteRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly origin: RequestOrigin;
  /** Why its Origin header does not name the console; null when it does. */
  readonly foreignOrigin: string | null;
  /** Looked up when a route wants it. */
  readonly credential: () => Promise<Credential | null>;
}
export interface RouteComponents {
  readonly auth: Auth;
  readonly audit: AuditStore;
  readonly runs: Pick<Runs, 'evidence'>;
  readonly fleet: Pick<Fleet, 'openStream'>;
  /** Whether a request would get a live connection. */
  readonly judge: (request: IncomingMessage) => Promise<UpgradeVerdict>;
}
type Route = (call: RouteRequest) => Promise<void>;

/** A login, a tar of some 100 kB. */
const evidenceTimeoutMs = 60_000;

const auditText = browserMethods['audit.list'].input.shape.text;

/** Prefix of all paths that Next never sees. */
export const apiPrefix = '/api/';

export function createRoutes(options: { version: string; now: () => number }, components: RouteComponents) {
  const { auth, audit, runs, fleet, judge } = components;
  const { now } = options;
  const record = (
    who: string,
    what: string,
    result: 'ok' | 'refused' | 'failed',
    message: string,
    kind: AuditKind = 'use',
  ) => audit.append({ at: now(), who, what, where: 'console', result, message }, kind);

  /** A locked-out client may keep trying: if every refusal were in the audit log, and not only the first, anyone could fill it. */
  const recordLockOut = async (error: unknown, who: string, what: string) => {
    if (error instanceof AppError && error.detail?.['isFirst'] === true)
      await record(who, what, 'refused', error.message);
  };

  const logIn: Route = async ({ request, response, origin }) => {
    const { email, password } = await readJson(request, LoginRequest);
    const client = clientOf(request, origin);
    let cookies: string[] | null;
    try {
      cookies = await auth.logIn(email, password, client);
    } catch (error) {
      await recordLockOut(error, email, `login from ${client.address}`);
      throw error;
    }
    if (!cookies) {
      await record(email, `login from ${client.address}`, 'refused', 'wrong address or password');
      sendError(response, 401, 'refused', 'The address or the password is wrong.');
      return;
    }
    await record(email, `login from ${client.address}`, 'ok', '');
    setCookies(response, cookies, origin);
    sendJson(response, 200, {});
  };

  const logOut: Route = async ({ request, response, origin, credential }) => {
    const found = await credential();
    const caller = found && (await auth.callerOf(found));
    setCookies(response, await auth.logOut(request.headers.cookie), origin);
    if (caller) await record(caller.name, 'logout', 'ok', '');
    sendJson(response, 200, {});
  };

  const setUp: Route = async ({ request, response, origin }) => {
    const form = await readJson(request, SetupRequest);
    const client = clientOf(request, origin);
    try {
      const { cookies } = await auth.setUp(form, client);
      await record(
        form.email,
        `set up from ${client.address}`,
        'ok',
        'made or reset an admin by a one-time link',
        'act',
      );
      setCookies(response, cookies, origin);
      sendJson(response, 200, {});
    } catch (error) {
      await recordLockOut(error, form.email, `set up from ${client.address}`);
      if (!(error instanceof AppError) || error.code !== 'refused' || waitOf(error) !== null) throw error;
      await record(form.email, `set up from ${client.address}`, 'refused', error.message);
      sendError(response, 410, 'refused', error.message);
    }
  };

  const auditLines = async function* (text: string): AsyncGenerator<string> {
    yield 'time,who,what,where,result,message\r\n';
    let before: number | null = null;
    do {
      const entries = await audit.list({ before, limit: 1_000, text });
      for (const { at, who, what, where, result, message } of entries) {
        yield `${[new Date(at).toISOString(), who, what, where, result, message].map(csvCell).join(',')}\r\n`;
      }
      before = entries.at(-1)?.id ?? null;
    } while (before !== null);
  };

  const exportAudit: Route = async ({ request, response, credential }) => {
    const found = await credential();
    const caller = found && (await auth.callerOf(found));
    if (caller?.role !== 'admin') {
      sendError(response, 403, 'refused', 'The audit log is for admins.');
      return;
    }
    const text = auditText.safeParse(queryOf(request).get('text') ?? '');
    if (!text.success) throw new AppError('invalid', `text: ${z.prettifyError(text.error)}`);
    response.writeHead(200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="meshdeck-audit.csv"',
      'cache-control': 'no-store',
    });
    // At the reader's pace; one that goes away ends it.
    await pipeline(Readable.from(auditLines(text.data)), response).catch((error: unknown) => {
      if (!response.destroyed || (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    });
  };

  const bridgeEvidence: Route = async ({ request, response, credential }) => {
    const found = await credential();
    const caller = found && (await auth.callerOf(found));
    if (!caller || !isAtLeast(caller.role, 'operator')) {
      sendError(response, caller ? 403 : 401, 'refused', caller ? 'Evidence is for operators.' : 'Log in first.');
      return;
    }
    const query = queryOf(request);
    const signal = AbortSignal.timeout(evidenceTimeoutMs);
    const { fileName, bytes } = await runs.evidence(query.get('run') ?? '', query.get('step') ?? '', signal);
    response.writeHead(200, {
      'content-type': 'application/gzip',
      'content-disposition': `attachment; filename="${fileName}"`,
      'content-length': bytes.length,
      'cache-control': 'no-store',
    });
    response.end(bytes);
  };

  const captures: Route = async ({ request, response, credential }) => {
    const found = await credential();
    const caller = found && (await auth.callerOf(found));
    if (!caller || !isAtLeast(caller.role, 'operator')) {
      sendError(response, caller ? 403 : 401, 'refused', caller ? 'Captures are for operators.' : 'Log in first.');
      return;
    }
    await sendCaptures(queryOf(request), response, {
      fleet,
      record: (what, result, message) => record(caller.name, what, result, message),
    });
  };

  const socketCheck: Route = async ({ request, response }) => {
    const verdict = await judge(request);
    if ('error' in verdict) sendError(response, verdict.status, verdict.error.code, verdict.error.message);
    else sendJson(response, 200, {});
  };

  const health: Route = ({ response }) => {
    sendJson(response, 200, { status: 'ok', version: options.version } satisfies Health);
    return Promise.resolve();
  };

  const table: Readonly<Record<string, Route>> = {
    [`GET ${httpPaths.health}`]: health,
    [`POST ${httpPaths.signIn}`]: logIn,
    [`POST ${httpPaths.signOut}`]: logOut,
    [`POST ${httpPaths.createFirstAdmin}`]: setUp,
    [`POST ${httpPaths.socketCheck}`]: socketCheck,
    [`GET ${httpPaths.auditExport}`]: exportAudit,
    [`GET ${httpPaths.bridgeEvidence}`]: bridgeEvidence,
    [`GET ${httpPaths.captureDownload}`]: captures,
  };

  /** Answers a request below /api/. A route that needs a session asks for it; one that changes something needs our Origin. */
  return async (call: RouteRequest): Promise<void> => {
    const { request, response, path, foreignOrigin } = call;
    const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
    const route = Object.hasOwn(table, `${method} ${path}`) ? table[`${method} ${path}`] : undefined;
    if (!route) {
      // Only a client with a session learns which paths exist.
      if (await call.credential()) sendError(response, 404, 'not-found', 'The console has no such path.');
      else sendError(response, 401, 'refused', 'Log in first.');
      return;
    }
    // The check judges the origin itself: a token needs none.
    if (method !== 'GET' && foreignOrigin !== null && path !== httpPaths.socketCheck) {
      sendError(response, 403, 'refused', foreignOrigin);
      return;
    }
    try {
      await route(call);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const wait = waitOf(error);
      if (wait !== null) response.setHeader('retry-after', String(Math.ceil(wait / 1_000)));
      sendError(response, wait !== null ? 429 : (statuses[error.code] ?? 409), error.code, error.message);
    }
  };
}

/** `failed`: the disk, mostly; the message says what to do. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = { invalid: 400, 'not-found': 404, failed: 503 };

/** How long one who tried too often has to wait; null: that is not why it was refused. */
function waitOf(error: AppError): number | null {
  const wait: unknown = error.detail?.['retryAfterMs'];
  return typeof wait === 'number' ? wait : null;
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URL(request.url ?? '/', 'http://console').searchParams;
}

function clientOf(request: IncomingMessage, origin: RequestOrigin): { address: string; agent: string } {
  return { address: origin.address, agent: (request.headers['user-agent'] ?? '').slice(0, 300) };
}

function setCookies(response: ServerResponse, cookies: readonly string[], origin: RequestOrigin): void {
  response.setHeader(
    'set-cookie',
    cookies
      .map((cookie) => outerCookie(cookie, cookiePort(origin)))
      .map((cookie) => (origin.isSecure ? `${cookie}; Secure` : cookie)),
  );
}

/** Quoted, and without the first characters that spreadsheets take for a formula: users type some of these cells. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
