// Who may act on which plan. Separate from the schemas of plans, since every page loads it.
import type { PlanKind } from './plans.ts';
import type { Role } from './roles.ts';

/**
 * The least role that may make, start, retry or undo a plan of each kind; checked in server/runs, and read by code that offers
 * one. As in the command table, operators act and admins change the cluster itself: only an admin may act as root on a
 * machine that the caller names.
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
