// Who is there: passwords and sessions (better-auth, which hashes with scrypt), tokens of the CLI, users and their roles.
// Nothing is cached: a session that was ended or a role that was changed holds from the next call on.
import { AppError, describeError } from '../../contract/errors.ts';
import type { SetupRequest } from '../../contract/http.ts';
import type { Caller, Log } from '../ports.ts';
import type { ConsoleStore, SettingStore } from '../store/types.ts';
import { createAccounts, createUserCalls } from './accounts.ts';
import { createTokenCalls, hashOf } from './api-tokens.ts';
import { addressHeader, callerOf, createBetterAuth, type UserRow } from './better-auth.ts';
import { LoginGuard, type TextStore } from './login-guard.ts';
import { createSetupToken, useSetupToken } from './setup-link.ts';

/** The credential that a connection shows; looked up again at each call. */
export type Credential =
  | { readonly kind: 'session'; readonly token: string; readonly id: string }
  | { readonly kind: 'token'; readonly hash: string; readonly id: string };

export interface AuthOptions {
  readonly log: Log;
  /** Signs the session cookies. */
  readonly secret: string;
  readonly now: () => number;
}

export type Auth = ReturnType<typeof createAuth>;

export function createAuth(options: AuthOptions, components: { store: ConsoleStore }) {
  const { now } = options;
  const { settings, tokens, authDatabase } = components.store;
  const better = createBetterAuth(options, authDatabase);
  const guard = new LoginGuard(
    { now },
    { locks: textOf(settings, 'login-locks'), known: textOf(settings, 'login-addresses') },
  );
  const endListeners = new Set<(credentialIds: string[], reason: string) => void>();
  const roleListeners = new Set<(userId: string) => void>();

  const inTurn = takeTurns();
  const end = (ids: string[], reason: string) => {
    if (ids.length > 0) for (const listener of endListeners) listener(ids, reason);
  };
  const parts = { better, guard, tokens, end, inTurn };
  const accounts = createAccounts(parts);
  const signIn = async (email: string, password: string, client: { address: string; agent: string }) => {
    const headers = new Headers({ [addressHeader]: client.address, 'user-agent': client.agent });
    return better.api.signInAddress({ body: { email, password }, headers, asResponse: true });
  };

  return {
    /** Ids of credentials (sessions, tokens) that are worth nothing from now on. Returns what ends it. */
    onEnded(listener: (credentialIds: string[], reason: string) => void): () => void {
      endListeners.add(listener);
      return () => endListeners.delete(listener);
    },

    /** A user has another role from now on. Returns what ends it. */
    onRoleChanged(listener: (userId: string) => void): () => void {
      roleListeners.add(listener);
      return () => roleListeners.delete(listener);
    },

    /** The credential of a Cookie header; null without a session that is still good. */
    async credentialOfCookie(cookie: string | undefined): Promise<Credential | null> {
      if (cookie === undefined || !cookie.includes('meshdeck.')) return null;
      const found = await better.api.getSession({ headers: new Headers({ cookie }) });
      return found && { kind: 'session', token: found.session.token, id: found.session.id };
    },

    async credentialOfToken(token: string): Promise<Credential | null> {
      const stored = await tokens.findByHash(hashOf(token));
      return stored && { kind: 'token', hash: stored.hash, id: stored.id };
    },

    /** Who it is now; null when the session or token ended, or its user is gone. */
    async callerOf(credential: Credential): Promise<Caller | null> {
      if (credential.kind === 'session') {
        const found = await (await accounts.database()).findSession(credential.token);
        return found && found.session.expiresAt.getTime() > now() ? callerOf(found.user as UserRow) : null;
      }
      const token = await tokens.findByHash(credential.hash);
      if (!token) return null;
      const row = (await (await accounts.database()).findUserById(token.userId)) as UserRow | null;
      // A use per minute is written, not each. On a full disk nothing is: who looks for the reason must still get in.
      if (row && now() - (token.lastUsedAt ?? 0) > 60_000) {
        await tokens
          .put({ ...token, lastUsedAt: now() })
          .catch((error: unknown) =>
            options.log.warn(`the last use of a token is not written: ${describeError(error)}`),
          );
      }
      return row && callerOf(row);
    },

    /**
     * Checks name and password and starts a session: its Set-Cookie headers, or null when one of the two is wrong.
     * @throws AppError `refused` while the account or address is locked out.
     */
    async logIn(email: string, password: string, client: { address: string; agent: string }): Promise<string[] | null> {
      let cookies: string[] | null = null;
      await guard.guard(email, client.address, async () => {
        const response = await signIn(email, password, client);
        if (response.ok) cookies = response.headers.getSetCookie();
        return response.ok;
      });
      return cookies;
    },

    /** Ends the session; what clears the cookie. */
    async logOut(cookie: string | undefined): Promise<string[]> {
      const credential = await this.credentialOfCookie(cookie);
      const response = await better.api.signOut({ headers: new Headers({ cookie: cookie ?? '' }), asResponse: true });
      if (credential) end([credential.id], 'You logged out.');
      return response.headers.getSetCookie();
    },

    createSetupToken: () => createSetupToken(settings, now()),

    /**
     * Makes the admin of a one-time link, or gives an existing user with that address the role and a new password.
     * @throws AppError `refused` when the link is worth nothing, or too many were tried.
     */
    async setUp(request: SetupRequest, client: { address: string; agent: string }) {
      await guard.guard(null, client.address, async () => {
        await inTurn(async () => {
          await useSetupToken(settings, request.token, now());
          await accounts.makeAdmin(request);
        });
        return true;
      });
      await guard.unlock(request.email);
      await guard.remember(request.email, client.address);
      const response = await signIn(request.email, request.password, client);
      if (!response.ok) throw new AppError('failed', 'The admin was made, but the login did not work: log in by hand.');
      return { cookies: response.headers.getSetCookie() };
    },

    ...createUserCalls(accounts, {
      ...parts,
      onRoleChanged: (userId) => {
        for (const listener of roleListeners) listener(userId);
      },
    }),
    ...createTokenCalls(now, parts),
  };
}

/** Users change one after another: of two admins who demote each other at once, the second must see what the first did. */
function takeTurns() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(change: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(change);
    last = turn.catch(() => undefined);
    return turn;
  };
}

function textOf(settings: SettingStore, key: string): TextStore {
  return { load: () => settings.get(key), save: (text) => settings.put(key, text) };
}
