// Login with a password for every address that contract/user-address.ts allows: better-auth's own endpoint refuses those that
// cannot get mail, such as root@node1. As there, an unknown address takes as long as a wrong password.
import { APIError, createAuthEndpoint } from 'better-auth/api';
import { setSessionCookie } from 'better-auth/cookies';
import { z } from 'zod';

export const addressSignIn = {
  id: 'address-sign-in',
  endpoints: {
    signInAddress: createAuthEndpoint(
      '/sign-in/address',
      { method: 'POST', body: z.object({ email: z.string(), password: z.string() }) },
      async (context) => {
        const { email, password } = context.body;
        const { internalAdapter, password: passwords } = context.context;
        const found = await internalAdapter.findUserByEmail(email.toLowerCase(), { includeAccounts: true });
        const account = found?.accounts.find(({ providerId }) => providerId === 'credential');
        const hash = account?.password ?? '';
        if (!found || hash === '') {
          await passwords.hash(password);
          throw new APIError('UNAUTHORIZED');
        }
        if (!(await passwords.verify({ hash, password }))) throw new APIError('UNAUTHORIZED');
        const session = await internalAdapter.createSession(found.user.id);
        await setSessionCookie(context, { session, user: found.user });
        return context.json({});
      },
    ),
  },
} as const;
