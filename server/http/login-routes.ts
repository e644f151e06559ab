// Login, logout and the first admin.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '../../contract/errors.ts';
import { LoginRequest, SetupRequest } from '../../contract/http.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Auth } from '../auth/auth.ts';
import { readJson, sendError, sendJson } from './body.ts';
import { cookiePort, outerCookie } from './cookies.ts';
import type { RequestOrigin } from './origin.ts';
import { waitOf, type RecordUse, type Route, type RouteTable } from './route.ts';

export function loginRoutes({ auth, record }: { readonly auth: Auth; readonly record: RecordUse }): RouteTable {
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

  return {
    [`POST ${httpPaths.signIn}`]: logIn,
    [`POST ${httpPaths.signOut}`]: logOut,
    [`POST ${httpPaths.createFirstAdmin}`]: setUp,
  };
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
