// Whether a line that a user of the console typed may be run, by the command table of the cluster's engine. The server asks before it sends the line, and the terminal before
// it asks the server, so that a viewer sees the refusal without a round trip.
import { AppError } from '../../contract/errors.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import { assertAllowed } from './authorise.ts';
import { valuesAsked } from './complete.ts';
import { describeMissing } from './missing.ts';
import { parseCommand } from './parse.ts';
import type { CompiledPattern } from './pattern.ts';
import type { ParsedCommand } from './types.ts';

/**
 * The command that a line is, once its caller may run it; null for a line that only the node can judge (an admin's alias). `missing`: says what the
 * engine of this table has not, of words that are another's; null when it says nothing.
 * @throws AppError `invalid`, `refused`
 */
export function assertMayRun(
  table: readonly CompiledPattern[],
  line: string,
  role: Role,
  missing: ((words: readonly string[]) => string | null) | null = describeMissing,
): ParsedCommand | null | 'blank' {
  if (/[\r\n]/.test(line)) throw new AppError('invalid', 'one line at a time');
  const parsed = parseCommand(table, line, missing ? { describeMissing: missing } : {});
  if (!parsed.ok) {
    // Aliases are the node's to know, and only admins make them.
    if (role === 'admin' && !parsed.isTooLong) return null;
    throw new AppError('invalid', parsed.message);
  }
  if (!parsed.command) return 'blank';
  assertAllowed(parsed.command, { via: 'socket', role });
  // `.env` shows them to operators only; the node would put them into any line. The node looks for them in the words, where
  // quotes are gone: `$"NAME"` is $NAME there.
  if (!isAtLeast(role, 'operator') && namesVariable(parsed.command)) {
    throw new AppError('refused', `variables ($NAME) need the role operator, and this is a ${role}`);
  }
  return parsed.command;
}

/** Whether completions of this text may be asked for: only users who may read variables get their names. */
export function mayComplete(table: readonly CompiledPattern[], text: string, role: Role): boolean {
  return isAtLeast(role, 'operator') || !valuesAsked(table, text).has('variables');
}

/** In any of its words, at any depth. */
function namesVariable(command: ParsedCommand): boolean {
  if (command.parts.some((part) => part.kind === 'value' && /\$[A-Za-z_{]/.test(part.text))) return true;
  return command.nested !== null && namesVariable(command.nested);
}
