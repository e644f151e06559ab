// The order of the roles. Separate from their schema, since every page loads it.

/** Viewers look, operators act, admins change the cluster itself and its users. Each may do what those before it
 * may. What a plan needs is in core/plans/kinds.ts. */
export const roles = ['viewer', 'operator', 'admin'] as const;

/** True when `role` may do what needs `least`. */
export function isAtLeast(role: (typeof roles)[number], least: (typeof roles)[number]): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}
