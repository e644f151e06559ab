// Who may do what: users, sessions, tokens and the audit log.
import { z } from 'zod';
import { defineMethod, Nothing } from '../method.ts';
import { Role } from '../roles.ts';
import { UserAddress } from '../user-address.ts';

const NewPassword = z.string().min(12).max(256);

export const User = z.object({
  id: z.string(),
  name: z.string().min(1).max(64),
  email: UserAddress,
  role: Role,
  createdAt: z.number(),
  /** Some address that the user never logged in from waits until then, after wrong passwords. */
  lockedUntil: z.number().nullable(),
});
export type User = z.infer<typeof User>;

export const AuditEntry = z.object({
  id: z.number(),
  at: z.number(),
  who: z.string(),
  /** As a command where there is one, else in words. */
  what: z.string(),
  /** Nodes or the console. */
  where: z.string(),
  result: z.enum(['ok', 'refused', 'failed']),
  message: z.string(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const userMethods = {
  'users.list': defineMethod({
    name: 'users.list',
    summary: 'The users with their roles.',
    role: 'admin',
    changes: false,
    input: Nothing,
    output: z.array(User),
    example: {},
  }),
  'users.create': defineMethod({
    name: 'users.create',
    summary: 'Adds a user.',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({
      name: z.string().min(1).max(64),
      email: UserAddress,
      role: Role,
      password: NewPassword,
    }),
    output: User,
    example: { name: 'Ann', email: 'ann@example.org', role: 'viewer', password: 'correct horse battery' },
  }),
  'users.setRole': defineMethod({
    name: 'users.setRole',
    summary: 'Gives a user another role.',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({ user: z.string(), role: Role }),
    output: User,
    example: { user: 'u1', role: 'operator' },
  }),
  /** For a user who lost it: sessions and tokens end, the role stays. `session.changePassword` changes the caller's own. */
  'users.setPassword': defineMethod({
    name: 'users.setPassword',
    summary: 'Gives another user a new password; sessions and tokens of that user end.',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({ user: z.string(), password: NewPassword }),
    output: Nothing,
    example: { user: 'u1', password: 'correct horse battery' },
  }),
  'users.remove': defineMethod({
    name: 'users.remove',
    summary: 'Removes a user with sessions and tokens.',
    role: 'admin',
    changes: true,
    needsSession: true,
    input: z.object({ user: z.string() }),
    output: Nothing,
    example: { user: 'u1' },
  }),
  /** Who is looking, and at what: the first thing a page asks. */
  'session.current': defineMethod({
    name: 'session.current',
    summary: 'Who the caller is, and the version of the console.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.object({
      user: User,
      version: z.string(),
      /** The nodes are real meshds over simulated hosts: every page says so in a banner. */
      isSimulated: z.boolean(),
    }),
    example: {},
  }),
  /** The caller's own. All other sessions end; tokens stay. */
  'session.changePassword': defineMethod({
    name: 'session.changePassword',
    summary: 'Changes the caller’s own password; all other sessions end.',
    role: 'viewer',
    changes: true,
    needsSession: true,
    input: z.object({ old: z.string().min(1).max(256), password: NewPassword }),
    output: Nothing,
    example: { old: 'correct horse battery', password: 'staple correct horse' },
  }),
  'sessions.list': defineMethod({
    name: 'sessions.list',
    summary: 'The caller’s sessions.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(
      z.object({
        id: z.string(),
        createdAt: z.number(),
        expiresAt: z.number(),
        address: z.string(),
        agent: z.string(),
        isCurrent: z.boolean(),
      }),
    ),
    example: {},
  }),
  'sessions.revokeOthers': defineMethod({
    name: 'sessions.revokeOthers',
    summary: 'Ends all other sessions of the caller.',
    role: 'viewer',
    changes: true,
    needsSession: true,
    input: Nothing,
    output: Nothing,
    example: {},
  }),
  /** Tokens of the caller, for `meshdeck --token`. A token acts with its owner's role; only its hash is kept. */
  'tokens.list': defineMethod({
    name: 'tokens.list',
    summary: 'The caller’s tokens, without the tokens themselves.',
    role: 'viewer',
    changes: false,
    input: Nothing,
    output: z.array(
      z.object({ id: z.string(), name: z.string(), createdAt: z.number(), lastUsedAt: z.number().nullable() }),
    ),
    example: {},
  }),
  /** The token itself is shown only this once. A user has `maxTokensPerUser` at most, and makes `maxTokensPerHour` an hour. */
  'tokens.create': defineMethod({
    name: 'tokens.create',
    summary: 'Makes a token, which is shown only this once.',
    role: 'viewer',
    changes: true,
    needsSession: true,
    input: z.object({ name: z.string().min(1).max(64) }),
    output: z.object({ id: z.string(), token: z.string() }),
    example: { name: 'laptop' },
  }),
  'tokens.revoke': defineMethod({
    name: 'tokens.revoke',
    summary: 'Revokes a token of the caller.',
    role: 'viewer',
    changes: true,
    input: z.object({ token: z.string() }),
    output: Nothing,
    example: { token: 't1' },
  }),
  'audit.list': defineMethod({
    name: 'audit.list',
    summary: 'Entries of the audit log, newest first.',
    role: 'admin',
    changes: false,
    input: z.object({
      before: z.number().int().nullable(),
      limit: z.number().int().min(1).max(1000),
      text: z.string().max(200),
    }),
    output: z.array(AuditEntry),
    example: { before: null, limit: 100, text: '' },
  }),
} as const;

export const userEvents = {
  /** The session ended: the page goes to the login and comes back to where it was. */
  'session.ended': z.object({ reason: z.string() }),
} as const;
