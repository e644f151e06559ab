// Roles in words.
import type { Role } from '../../contract/roles.ts';

export const roleOptions: readonly { readonly value: Role; readonly label: string; readonly hint: string }[] = [
  { value: 'viewer', label: 'viewer', hint: 'looks at everything, changes nothing' },
  { value: 'operator', label: 'operator', hint: 'runs commands on nodes, steers runs at work' },
  { value: 'admin', label: 'admin', hint: 'also plans: nodes, deploy, bridge; users, audit log' },
];

/** Characters of a password at least (contract/browser). */
export const minPasswordLength = 12;
