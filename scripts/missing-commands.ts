// The list of minimega's commands that meshd has not, for docs/compatibility.md: from minimega's own patterns and the command table.
// `node scripts/missing-commands.ts` writes it there. Run it after a command was added, or taken out of core/commands/missing.ts.
import { readFileSync, writeFileSync } from 'node:fs';
import { describeMissing } from '../core/commands/missing.ts';
import { parseCommand } from '../core/commands/parse.ts';
import { compilePattern } from '../core/commands/pattern.ts';
import { commandTable } from '../core/commands/table.ts';

const docsPath = new URL('../docs/compatibility.md', import.meta.url);
const begin = '<!-- missing commands: node scripts/missing-commands.ts -->';
const end = '<!-- end of the missing commands -->';

/** All patterns of minimega 3.1.0, from its own grammar. */
export const minimegaPatterns: readonly string[] = readFileSync(
  new URL('../lab/minimega/patterns.txt', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n');

/** A line that fits a pattern: each literal and choice in full, some word for each value, nothing that may be left out. */
export function lineOf(pattern: string): string {
  const { items } = compilePattern({ pattern, role: 'viewer', reach: 'mesh', scope: 'local', help: '' });
  const words = items.map((item) => {
    if (item.kind === 'literal') return item.text;
    if (item.kind === 'nested') return 'version';
    if (item.optional) return '';
    return item.kind === 'choice' ? (item.options[0] ?? '') : '7';
  });
  return words.filter((word) => word !== '').join(' ');
}

/** A line for each pattern, with what is nearest. */
export function missingCommands(): string[] {
  return minimegaPatterns.flatMap((pattern) => {
    const parsed = parseCommand(commandTable, lineOf(pattern), { describeMissing });
    const nearest = /^not in meshd: `[^`]*`; nearest: (.*)$/.exec(parsed.ok ? '' : parsed.message)?.[1];
    return nearest === undefined ? [] : [`- \`${pattern}\`: ${nearest}`];
  });
}

/** The document with the list of now. @throws Error without its two marks */
export function withMissingCommands(text: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/compatibility.md: "${begin}" and "${end}" stand around the list`);
  return `${text.slice(0, from)}${begin}\n\n${missingCommands().join('\n')}\n\n${text.slice(to)}`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  writeFileSync(docsPath, withMissingCommands(readFileSync(docsPath, 'utf8')));
}
