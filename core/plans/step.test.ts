import { expect, it } from 'vitest';
import { shellCommand } from './step.ts';

it.each([
  ['mesh status', '/opt/meshd/bin/meshd -e mesh status'],
  ['mesh send node[1-3] host', "/opt/meshd/bin/meshd -e 'mesh send node[1-3] host'"],
  ['shell echo $HOME; id', "/opt/meshd/bin/meshd -e 'shell echo $HOME; id'"],
  [`namespace "it's" vm info`, String.raw`/opt/meshd/bin/meshd -e 'namespace "it'\''s" vm info'`],
])('%s is a line that a shell hands over as it is', (line, command) => {
  expect(shellCommand('meshd', line)).toBe(command);
});

it('minimega’s lines are for its own program', () => {
  expect(shellCommand('minimega', 'vm start web[1-2]')).toBe("minimega -e 'vm start web[1-2]'");
});
