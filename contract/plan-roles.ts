// Who may act on which plan. Separate from the schemas of plans, since every page loads it.
import type { PlanKind } from './plans.ts';
import type { Role } from './roles.ts';

/**
 * The least role that may make a plan of each kind, and start, cancel, retry or undo its run, answer its questions, give it
 * secrets, or decide for a step. server/runs checks it, and code that offers one of these reads it. As in the command table,
 * operators act, and admins change the cluster itself: to act as root on a machine that the caller names needs an admin.
 */
export const planRoles = {
  'add-nodes': 'admin',
  deploy: 'admin',
  'replace-node': 'admin',
  'remove-node': 'admin',
  'rotate-key': 'admin',
  'passwordless-root': 'admin',
  bridge: 'admin',
  'remove-bridge': 'admin',
} as const satisfies Readonly<Record<PlanKind, Role>>;
