import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localRunner } from '../host/runner.ts';
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
    const { code, stderr } = await meshdeck(['--data', join(folder, 'data'), 'runs', 'show', '\u001b]0;x\u0007']);
    expect(code).toBe(2);
    expect(stderr).toBe('meshdeck: no run ^[]0;x^G\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
