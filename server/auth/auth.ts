// Who is there: passwords and sessions (better-auth, which hashes with scrypt), tokens of the CLI, users and their roles.
// Nothing is cached: a session that was ended or a role that was changed holds from the next call on.
import { betterAuth } from 'better-auth';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { User } from '../../contract/browser/users.ts';
import { AppError, describeError } from '../../contract/errors.ts';
import type { SetupRequest } from '../../contract/http.ts';
import { maxTokensPerHour, maxTokensPerUser } from '../../contract/limits.ts';
import { Role } from '../../contract/roles.ts';
import type { Caller, Log } from '../ports.ts';
import type { ConsoleStore, SettingStore } from '../store/types.ts';
import { addressSignIn } from './address-sign-in.ts';
import { LoginGuard, type TextStore } from './login-guard.ts';
import { createSetupToken, useSetupToken } from './setup-link.ts';

/** The credential that a connection shows; looked up again at each call. */
export type Credential =
  | { readonly kind: 'session'; readonly token: string; readonly id: string }
  | { readonly kind: 'token'; readonly hash: string; readonly id: string };

export interface SessionView {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly address: string;
  readonly agent: string;
}

export interface AuthOptions {
  readonly log: Log;
  /** Signs the session cookies. */
  readonly secret: string;
  readonly now: () => number;
}

const sessionSeconds = 7 * 24 * 3600;
const maxUsers = 10_000;
/** Set by the HTTP part from the connection; what a client sends under this name never gets here. */
const addressHeader = 'x-meshdeck-address';

export type Auth = ReturnType<typeof createAuth>;

function createBetterAuth(options: AuthOptions, database: ConsoleStore['authDatabase']) {
  return betterAuth({
    baseURL: 'http://localhost',
    secret: options.secret,
    database,
    telemetry: { enabled: false },
    logger: { disabled: true },
    // Tries are counted in login-guard.ts, by name too and with a message.
    rateLimit: { enabled: false },
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength: 12, maxPasswordLength: 256 },
    plugins: [addressSignIn],
    session: { expiresIn: sessionSeconds, disableSessionRefresh: true, cookieCache: { enabled: false } },
    user: { additionalFields: { role: { type: 'string', required: true, defaultValue: 'viewer', input: false } } },
    advanced: {
      cookiePrefix: 'meshdeck',
      // Whether the browser came over TLS is known per request only: server/http adds Secure.
      useSecureCookies: false,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', path: '/' },
      ipAddress: { ipAddressHeaders: [addressHeader] },
    },
  });
}

interface UserRow {
  id: string;
  name: string;
  email: string;
  createdAt: Date;
  role?: unknown;
}

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

  /** When each user made tokens within the last hour, also such as are revoked by now. */
  const madeTokens = new Map<string, number[]>();

  /** Users change one after another: of two admins who demote each other at once, the second must see what the first did. */
  let lastChange: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(change: () => Promise<Result>): Promise<Result> => {
    const turn = lastChange.then(change);
    lastChange = turn.catch(() => undefined);
    return turn;
  };

  const roleOf = (row: UserRow): Role => Role.catch('viewer').parse(row.role);
  const viewOf = (row: UserRow): User => ({
    id: row.id,
    name: row.name,
    email: row.email,
    role: roleOf(row),
    createdAt: row.createdAt.getTime(),
    lockedUntil: guard.lockedUntil(row.email),
  });
  const callerOf = (row: UserRow): Caller => ({
    userId: row.id,
    name: `${row.name} <${row.email}>`,
    role: roleOf(row),
  });
  const database = async () => (await better.$context).internalAdapter;
  const end = (ids: string[], reason: string) => {
    if (ids.length > 0) for (const listener of endListeners) listener(ids, reason);
  };
  const listUsers = async (): Promise<UserRow[]> => {
    await guard.loaded;
    return await (await database()).listUsers(maxUsers);
  };
  const requireUser = async (id: string): Promise<UserRow> => {
    await guard.loaded;
    const row = (await (await database()).findUserById(id)) as UserRow | null;
    if (!row) throw new AppError('not-found', 'This user is gone: someone else removed it.');
    return row;
  };
  const assertAdminRemains = async (row: UserRow, verb: string) => {
    if (roleOf(row) !== 'admin') return;
    const others = (await listUsers()).filter((other) => other.id !== row.id && roleOf(other) === 'admin');
    if (others.length > 0) return;
    throw new AppError('refused', `${row.email} is the only admin: make another one before you ${verb} this one.`);
  };
  const endSessions = async (userId: string, keep: string | null, reason: string) => {
    const sessions = (await (await database()).listSessions(userId)).filter((session) => session.id !== keep);
    for (const session of sessions) await (await database()).deleteSession(session.token);
    end(
      sessions.map((session) => session.id),
      reason,
    );
  };
  const endTokens = async (userId: string, reason: string) => {
    const own = await tokens.list(userId);
    await tokens.removeAll(userId);
    end(
      own.map((token) => token.id),
      reason,
    );
  };
  const createUser = async (draft: { name: string; email: string; password: string; role: Role }): Promise<UserRow> => {
    const context = await better.$context;
    if (await context.internalAdapter.findUserByEmail(draft.email)) {
      throw new AppError('conflict', `There is a user with the address ${draft.email} already.`);
    }
    const password = await context.password.hash(draft.password);
    const { name, email, role } = draft;
    const row = await context.internalAdapter.createUser(
      { name, email, role, emailVerified: true },
      {
        method: 'email',
      },
    );
    await context.internalAdapter.linkAccount({
      userId: row.id,
      providerId: 'credential',
      accountId: row.id,
      password,
    });
    return row as UserRow;
  };
  const putPassword = async (userId: string, password: string) => {
    const context = await better.$context;
    await context.internalAdapter.updatePassword(userId, await context.password.hash(password));
  };
  const resetPassword = async ({ id, email }: { id: string; email: string }, password: string) => {
    await putPassword(id, password);
    await endSessions(id, null, 'The password was reset.');
    await endTokens(id, 'The password was reset.');
    await guard.forget(email);
  };
  const makeAdmin = async (request: SetupRequest) => {
    await useSetupToken(settings, request.token, now());
    const context = await better.$context;
    const found = await context.internalAdapter.findUserByEmail(request.email);
    if (!found) {
      await createUser({ ...request, role: 'admin' });
      return;
    }
    const { user } = found;
    await context.internalAdapter.updateUser(user.id, { role: 'admin', name: request.name });
    await resetPassword(user, request.password);
  };
  const createToken = async (userId: string, name: string) => {
    const own = await tokens.list(userId);
    if (own.length >= maxTokensPerUser) {
      throw new AppError(
        'refused',
        `You have ${own.length} tokens, and ${maxTokensPerUser} are the most: revoke one that is not used.`,
      );
    }
    const hourAgo = now() - 3_600_000;
    for (const [id, times] of madeTokens) if ((times.at(-1) ?? 0) <= hourAgo) madeTokens.delete(id);
    const times = (madeTokens.get(userId) ?? own.map(({ createdAt }) => createdAt)).filter((at) => at > hourAgo);
    if (times.length >= maxTokensPerHour) {
      throw new AppError(
        'refused',
        `You made ${times.length} tokens within an hour, and ${maxTokensPerHour} are the most: make the next one later.`,
      );
    }
    madeTokens.set(userId, [...times, now()]);
    const token = `mdk_${randomBytes(32).toString('base64url')}`;
    const id = randomUUID();
    await tokens.put({ id, userId, name, hash: hashOf(token), createdAt: now(), lastUsedAt: null });
    return { id, token };
  };
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
        const found = await (await database()).findSession(credential.token);
        return found && found.session.expiresAt.getTime() > now() ? callerOf(found.user as UserRow) : null;
      }
      const token = await tokens.findByHash(credential.hash);
      if (!token) return null;
      const row = (await (await database()).findUserById(token.userId)) as UserRow | null;
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

    async hasAdmin(): Promise<boolean> {
      return (await listUsers()).some((row) => roleOf(row) === 'admin');
    },

    createSetupToken: () => createSetupToken(settings, now()),

    /**
     * Makes the admin of a one-time link, or gives an existing user with that address the role and a new password.
     * @throws AppError `refused` when the link is worth nothing, or too many were tried.
     */
    async setUp(request: SetupRequest, client: { address: string; agent: string }) {
      await guard.guard(null, client.address, async () => {
        await inTurn(() => makeAdmin(request));
        return true;
      });
      await guard.unlock(request.email);
      await guard.remember(request.email, client.address);
      const response = await signIn(request.email, request.password, client);
      if (!response.ok) throw new AppError('failed', 'The admin was made, but the login did not work: log in by hand.');
      return { cookies: response.headers.getSetCookie() };
    },

    user: async (id: string): Promise<User> => viewOf(await requireUser(id)),
    users: async (): Promise<User[]> => (await listUsers()).map(viewOf),
    createUser: async (draft: Parameters<typeof createUser>[0]): Promise<User> =>
      viewOf(await inTurn(() => createUser(draft))),

    setRole: (id: string, role: Role): Promise<User> =>
      inTurn(async () => {
        const row = await requireUser(id);
        if (role !== 'admin') await assertAdminRemains(row, 'demote');
        await (await database()).updateUser(id, { role });
        for (const listener of roleListeners) listener(id);
        return viewOf(await requireUser(id));
      }),

    /**
     * The other sessions end; tokens stay.
     * @throws AppError `refused`: a wrong present password (`detail.field`), or too many of them
     */
    async changePassword(id: string, change: { old: string; password: string }, keep: string): Promise<void> {
      const { email } = await requireUser(id);
      const context = await better.$context;
      const isRight = await guard.guard(email, `the session of ${email}`, async () => {
        const hash = (await context.internalAdapter.findCredentialAccount(id))?.password ?? '';
        return hash !== '' && (await context.password.verify({ hash, password: change.old }));
      });
      if (!isRight) throw new AppError('refused', 'This is not your present password.', { detail: { field: 'old' } });
      await putPassword(id, change.password);
      await endSessions(id, keep, 'The password was changed.');
    },

    /** By an admin, for one who lost it: sessions and tokens end, the role stays. */
    setPassword: (id: string, password: string): Promise<void> =>
      inTurn(async () => {
        const row = await requireUser(id);
        await resetPassword(row, password);
        await guard.unlock(row.email);
      }),

    removeUser: (id: string): Promise<void> =>
      inTurn(async () => {
        const row = await requireUser(id);
        await assertAdminRemains(row, 'remove');
        await endSessions(id, null, 'This account was removed.');
        await endTokens(id, 'This account was removed.');
        await (await database()).deleteUser(id);
        // Someone else may get this address later.
        await guard.forget(row.email);
        await guard.unlock(row.email);
      }),

    async sessions(userId: string): Promise<SessionView[]> {
      const sessions = await (await database()).listSessions(userId, { onlyActiveSessions: true });
      return sessions
        .map((session) => ({
          id: session.id,
          createdAt: session.createdAt.getTime(),
          expiresAt: session.expiresAt.getTime(),
          address: session.ipAddress ?? '',
          agent: session.userAgent ?? '',
        }))
        .sort((a, b) => b.createdAt - a.createdAt);
    },

    /** Ends all sessions of a user but the one given. */
    revokeOthers: (userId: string, keep: string | null) =>
      endSessions(userId, keep, 'You were logged out from another place.'),

    /**
     * The token is shown this once.
     * @throws AppError `refused` for too many of one user, or too many in an hour
     */
    createToken: (userId: string, name: string): Promise<{ id: string; token: string }> =>
      inTurn(() => createToken(userId, name)),
    tokens: (userId: string) => tokens.list(userId),
    async revokeToken(userId: string, id: string): Promise<void> {
      if (!(await tokens.remove(id, userId))) throw new AppError('not-found', 'This token is gone already.');
      end([id], 'This token was revoked.');
    },
  };
}

function textOf(settings: SettingStore, key: string): TextStore {
  return { load: () => settings.get(key), save: (text) => settings.put(key, text) };
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
