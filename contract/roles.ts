// Who may do what, in the command language and in the console alike.
import { z } from 'zod';

/** Viewers look, operators act, admins change the cluster itself and its users. What a plan needs is in plans.ts. */
export const Role = z.enum(['viewer', 'operator', 'admin']);
export type Role = z.infer<typeof Role>;

/** True when `role` may do what needs `least`. */
export function isAtLeast(role: Role, least: Role): boolean {
  return Role.options.indexOf(role) >= Role.options.indexOf(least);
}
