// A base on a full disk: needs root to mount its own disk, a tmpfs.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CommandError, localRunner } from '../host/runner.ts';

const program = new URL('./main.ts', import.meta.url).pathname;
let base = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'meshd-full-'));
  await localRunner.run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', base]);
});
afterEach(async () => {
  await localRunner.run(['umount', base]);
  await rm(base, { recursive: true });
});

test('a base on a full disk: the error says so, the exit code is 1, and nothing half-made stays', async () => {
  await writeFile(join(base, 'filler'), Buffer.alloc(64 * 1024)).catch(() => undefined);
  const before = await readdir(base, { recursive: true });
  const end = await localRunner
    .run([process.execPath, program, '-base', base, '-nostdin', '-port', '39471'], { timeoutMs: 30_000 })
    .catch((error: unknown) => error);
  if (!(end instanceof CommandError)) throw new Error('it started');
  expect(end.exitCode).toBe(1);
  expect(end.stderr).toMatch(/ENOSPC|no space/i);
  expect(await readdir(base, { recursive: true })).toEqual(before);
});
