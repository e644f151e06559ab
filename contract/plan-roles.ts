// Who may act on which plan, apart from the schemas of plans: every page loads it.
import type { PlanKind } from './plans.ts';
import type { Role } from './roles.ts';

/**
 * The least role that may make, start, retry or undo a plan of each kind; checked in server/runs, and asked by whatever offers
 * one. As in the command table, operators act and admins change the cluster itself: to act as root on a machine that the caller
 * names is an admin's.
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
