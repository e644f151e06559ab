// Roles in words.
import type { Role } from '../../contract/roles.ts';

export const roleOptions: readonly { readonly value: Role; readonly label: string; readonly hint: string }[] = [
  { value: 'viewer', label: 'viewer', hint: 'looks at everything, changes nothing' },
  { value: 'operator', label: 'operator', hint: 'runs commands on nodes, looks at bridges' },
  { value: 'admin', label: 'admin', hint: 'also plans and steers runs: nodes, deploy, bridge; users, audit log' },
];

/** Characters of a password at least (contract/browser). */
export const minPasswordLength = 12;
