// What the console answers over plain HTTP beside its pages: login, first admin, health. All else is socket.io (browser.ts).
// The session is an httpOnly cookie; a request that changes something must carry the console's own Origin.
import { z } from 'zod';
import { findUnsafeCharacter } from './plain-text.ts';
import { UserAddress } from './user-address.ts';

export const LoginRequest = z.object({ email: UserAddress, password: z.string().min(1).max(256) });
export type LoginRequest = z.infer<typeof LoginRequest>;

export const SetupRequest = z.object({
  token: z.string().min(1).max(200),
  name: z
    .string()
    .min(1)
    .max(64)
    .superRefine((name, context) => {
      const issue = findUnsafeCharacter(name, { isOneLine: true });
      if (issue !== null) context.addIssue({ code: 'custom', message: issue });
    }),
  email: UserAddress,
  password: z.string().min(12).max(256),
});
export type SetupRequest = z.infer<typeof SetupRequest>;

/** Of every HTTP answer that is not 2xx. `message` is for people, to be shown as it is. */
export const HttpError = z.object({ code: z.string(), message: z.string() });
export type HttpError = z.infer<typeof HttpError>;

export const Health = z.object({ status: z.literal('ok'), version: z.string() });
export type Health = z.infer<typeof Health>;
