// better-auth as the console uses it, and a user as it keeps one.
import { betterAuth } from 'better-auth';
import { Role } from '../../contract/roles.ts';
import type { Caller } from '../ports.ts';
import type { ConsoleStore } from '../store/types.ts';
import { addressSignIn } from './address-sign-in.ts';

const sessionSeconds = 7 * 24 * 3600;
/** Set by the HTTP part from the connection; what a client sends under this name never gets here. */
export const addressHeader = 'x-meshdeck-address';

export type BetterAuth = ReturnType<typeof createBetterAuth>;

/** `secret` signs the session cookies. */
export function createBetterAuth({ secret }: { readonly secret: string }, database: ConsoleStore['authDatabase']) {
  return betterAuth({
    baseURL: 'http://localhost',
    secret,
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

export interface UserRow {
  id: string;
  name: string;
  email: string;
  createdAt: Date;
  role?: unknown;
}

export const roleOf = (row: UserRow): Role => Role.catch('viewer').parse(row.role);

export const callerOf = (row: UserRow): Caller => ({
  userId: row.id,
  name: `${row.name} <${row.email}>`,
  role: roleOf(row),
});
