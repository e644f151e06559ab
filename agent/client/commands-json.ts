// `meshd -cli`: all commands as JSON, for programs that make a binding of them.
import { commandPatterns } from '../../core/commands/table.ts';

export function commandsJson(): string {
  const shown = commandPatterns.map(({ pattern, help, role, reach }) => ({
    patterns: [pattern],
    help_short: help,
    ...{ role, reach },
  }));
  return JSON.stringify(shown, null, 1);
}
