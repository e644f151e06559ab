// Users with their passwords, roles and sessions, as better-auth keeps them. Users change one after another.
import type { User } from '../../contract/browser/users.ts';
import { AppError } from '../../contract/errors.ts';
import type { SetupRequest } from '../../contract/http.ts';
import type { Role } from '../../contract/roles.ts';
import type { TokenStore } from '../store/types.ts';
import { roleOf, type BetterAuth, type UserRow } from './better-auth.ts';
import type { LoginGuard } from './login-guard.ts';

export interface SessionView {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly address: string;
  readonly agent: string;
}

const maxUsers = 10_000;

export interface AccountComponents {
  readonly better: BetterAuth;
  readonly guard: LoginGuard;
  readonly tokens: TokenStore;
  /** These credentials are worth nothing from now on. */
  readonly end: (ids: string[], reason: string) => void;
}

/** What changes one user, without a look at who may do it. */
export type Accounts = ReturnType<typeof createAccounts>;

export function createAccounts({ better, guard, tokens, end }: AccountComponents) {
  const database = async () => (await better.$context).internalAdapter;
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
  /** Gives an existing user with that address the role and the password. */
  const makeAdmin = async (request: SetupRequest) => {
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
  return {
    ...{ database, listUsers, requireUser, assertAdminRemains, endSessions, endTokens, createUser, putPassword },
    ...{ resetPassword, makeAdmin },
  };
}

/** The calls of admins, and of users about themselves. */
export function createUserCalls(
  accounts: Accounts,
  {
    better,
    guard,
    inTurn,
    onRoleChanged,
  }: Pick<AccountComponents, 'better' | 'guard'> & {
    readonly inTurn: <Result>(change: () => Promise<Result>) => Promise<Result>;
    readonly onRoleChanged: (userId: string) => void;
  },
) {
  const { database, listUsers, requireUser, assertAdminRemains, endSessions, endTokens, putPassword } = accounts;
  const viewOf = (row: UserRow): User => ({
    id: row.id,
    name: row.name,
    email: row.email,
    role: roleOf(row),
    createdAt: row.createdAt.getTime(),
    lockedUntil: guard.lockedUntil(row.email),
  });

  return {
    async hasAdmin(): Promise<boolean> {
      return (await listUsers()).some((row) => roleOf(row) === 'admin');
    },

    user: async (id: string): Promise<User> => viewOf(await requireUser(id)),
    users: async (): Promise<User[]> => (await listUsers()).map(viewOf),
    createUser: async (draft: Parameters<Accounts['createUser']>[0]): Promise<User> =>
      viewOf(await inTurn(() => accounts.createUser(draft))),

    setRole: (id: string, role: Role): Promise<User> =>
      inTurn(async () => {
        const row = await requireUser(id);
        if (role !== 'admin') await assertAdminRemains(row, 'demote');
        await (await database()).updateUser(id, { role });
        onRoleChanged(id);
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
        await accounts.resetPassword(row, password);
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
  };
}
