// The plain HTTP requests that the console answers itself: health, login, logout, first admin, downloads.
import type { IncomingMessage } from 'node:http';
import { AppError, type ErrorCode } from '../../contract/errors.ts';
import type { Health } from '../../contract/http.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Auth } from '../auth/auth.ts';
import type { UpgradeVerdict } from '../auth/upgrade.ts';
import type { Fleet, Runs } from '../ports.ts';
import type { AuditStore } from '../store/types.ts';
import { sendError, sendJson } from './body.ts';
import { downloadRoutes } from './download-routes.ts';
import { loginRoutes } from './login-routes.ts';
import { waitOf, type RecordUse, type Route, type RouteRequest, type RouteTable } from './route.ts';

export interface RouteComponents {
  readonly auth: Auth;
  readonly audit: AuditStore;
  readonly runs: Pick<Runs, 'evidence'>;
  readonly fleet: Pick<Fleet, 'openStream'>;
  /** Whether a request would get a live connection. */
  readonly judge: (request: IncomingMessage) => Promise<UpgradeVerdict>;
}
/** Prefix of all paths that Next never sees. */
export const apiPrefix = '/api/';

export function createRoutes(options: { version: string; now: () => number }, components: RouteComponents) {
  const { auth, audit, runs, fleet, judge } = components;
  const { now } = options;
  const record: RecordUse = (who, what, result, message, kind = 'use') =>
    audit.append({ at: now(), who, what, where: 'console', result, message }, kind);

  const socketCheck: Route = async ({ request, response }) => {
    const verdict = await judge(request);
    if ('error' in verdict) sendError(response, verdict.status, verdict.error.code, verdict.error.message);
    else sendJson(response, 200, {});
  };

  const health: Route = ({ response }) => {
    sendJson(response, 200, { status: 'ok', version: options.version } satisfies Health);
    return Promise.resolve();
  };

  const table: RouteTable = {
    [`GET ${httpPaths.health}`]: health,
    [`POST ${httpPaths.socketCheck}`]: socketCheck,
    ...loginRoutes({ auth, record }),
    ...downloadRoutes({ auth, audit, runs, fleet, record }),
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
