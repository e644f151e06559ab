// Who may run what, from where. Both dispatchers, meshd's and the console's, ask here, and nowhere else.
import { AppError } from '../../contract/errors.ts';
import { clipLine } from './tokens.ts';
import type { ParsedCommand, Reach, Role } from './types.ts';

export interface Caller {
  /** `socket`: this host's command socket, or the console acting on it. `mesh`: a member of the mesh. */
  readonly via: Reach;
  readonly role: Role;
}

const rank: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/**
 * Checks a command and every command nested in it.
 * @throws AppError `refused`, naming the command that is not allowed.
 */
export function assertAllowed(command: ParsedCommand, caller: Caller): void {
  const { role, reach } = requirements(command);
  if (caller.via === 'mesh' && reach === 'socket') {
    throw new AppError(
      'refused',
      `cannot run \`${clipLine(command.line)}\` via meshage: only the command socket of the node itself takes it`,
    );
  }
  if (rank[caller.role] < rank[role]) {
    throw new AppError('refused', `\`${clipLine(command.line)}\` needs the role ${role}, and this is a ${caller.role}`);
  }
  if (command.nested) {
    const via = command.pattern.nestedRunsOn === 'mesh' ? 'mesh' : caller.via;
    assertAllowed(command.nested, { via, role: caller.role });
  }
}

/** Role and reach of this command as typed, without what is nested in it. */
export function requirements({ pattern, parts }: ParsedCommand): { role: Role; reach: Reach } {
  const given = parts.some((part) => part.optional);
  return {
    role: (given ? pattern.whenGiven?.role : undefined) ?? pattern.role,
    reach: (given ? pattern.whenGiven?.reach : undefined) ?? pattern.reach,
  };
}
