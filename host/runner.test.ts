import { expect, test } from 'vitest';
import { localRunner } from './runner.ts';

test('programs of this machine speak the language that is parsed, whatever the locale', async () => {
  const { LC_ALL: before } = process.env;
  process.env['LC_ALL'] = 'fr_FR.UTF-8';
  try {
    expect((await localRunner.run(['printenv', 'LC_ALL'])).stdout).toBe('C\n');
    expect((await localRunner.run(['printenv', 'LC_ALL'], { env: { LC_ALL: 'de_DE' } })).stdout).toBe('de_DE\n');
  } finally {
    if (before === undefined) delete process.env['LC_ALL'];
    else process.env['LC_ALL'] = before;
  }
});
