import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localRunner } from '../host/runner.ts';
import { exitCodes } from './exit-codes.ts';
import { launcher, meshdeck } from './meshdeck-for-tests.ts';

test('meshdeck is a command by a link to it, from any folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meshdeck-bin-'));
  try {
    await symlink(launcher, join(folder, 'meshdeck'));
    const argv = ['/bin/sh', '-c', 'cd / && meshdeck --data "$1" nodes --help', 'sh', join(folder, 'data')];
    const { stdout } = await localRunner.run(argv, {
      timeoutMs: 60_000,
      env: { PATH: `${folder}:/usr/bin:/bin` },
    });
    expect(stdout).toContain('Usage: meshdeck nodes');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('an error shows what others said without anything that a terminal would obey', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'meshdeck-bin-'));
  try {
    const inData = (...argv: string[]) => meshdeck(['--data', join(folder, 'data'), ...argv]);
    // Refused, since there are no nodes; the folder is there from then on.
    await inData('nodes', 'rotate-key', '--plan');
    const { code, stderr } = await inData('runs', 'show', '\u001b]0;x\u0007');
    expect(code).toBe(2);
    expect(stderr).toBe('meshdeck: no run ^[]0;x^G\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.each([['runs'], ['runs', 'resume', 'r1'], ['ca', 'show']])(
  '%s %s: a data folder that no console has used is not made, and the error says where to look',
  async (...argv) => {
    const folder = await mkdtemp(join(tmpdir(), 'meshdeck-bin-'));
    try {
      const data = join(folder, 'data');
      const { code, stderr } = await meshdeck(['--data', data, ...argv]);
      expect([code, stderr]).toEqual([exitCodes.unavailable, expect.stringContaining('--console') as string]);
      expect(existsSync(data)).toBe(false);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
