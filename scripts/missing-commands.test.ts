import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeMissing } from '../core/commands/missing.ts';
import { parseCommand } from '../core/commands/parse.ts';
import { commandTable } from '../core/commands/table.ts';
import { lineOf, minimegaPatterns, missingCommands, withMissingCommands } from './missing-commands.ts';

const docs = readFileSync(new URL('../docs/compatibility.md', import.meta.url), 'utf8');

test('docs/compatibility.md lists the commands that are missing now: `node scripts/missing-commands.ts` writes them', () => {
  expect(docs).toBe(withMissingCommands(docs));
});

test('a command is in the list or in the table, and never in both', () => {
  const listed = new Set(missingCommands().map((line) => /^- `(.*?)`: /.exec(line)?.[1]));
  for (const pattern of minimegaPatterns) {
    const parsed = parseCommand(commandTable, lineOf(pattern), { describeMissing });
    expect([pattern, parsed.ok]).toEqual([pattern, !listed.has(pattern)]);
  }
});

test('what meshd leaves out on purpose is in it', () => {
  for (const pattern of [
    'shell <command>...',
    'background <command>...',
    'cc',
    'vm launch <container,> <name or count> [config]',
  ])
    expect(missingCommands().some((line) => line.startsWith(`- \`${pattern}\`: `))).toBe(true);
});
