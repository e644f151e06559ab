import { expect, test } from 'vitest';
import { assertAllowed } from '../../../core/commands/authorise.ts';
import { parseCommand } from '../../../core/commands/parse.ts';
import { consoleTable } from './client.ts';

const allow = (line: string) => {
  const parsed = parseCommand(consoleTable, line);
  if (!parsed.ok || !parsed.command) throw new Error(`not a command: ${line}`);
  assertAllowed(parsed.command, { role: 'viewer', via: 'socket' });
};

test('a viewer may look at a VM of another node, as its page asks', () => {
  expect(() => {
    allow("namespace lab mesh send node2 vm show '70d30ec7-8eb1-862b-bd43-49929c9ce175'");
  }).not.toThrow();
});

test('what the console answers itself is not sent to other nodes, which do not know it', () => {
  expect(() => {
    allow('mesh send node2 vm state all');
  }).toThrow(/via meshage/);
});
