import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localRunner } from '../host/runner.ts';
import { launcher } from './meshdeck-for-tests.ts';

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
