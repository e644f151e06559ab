import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { localRunner } from '../host/runner.ts';
import { mountsBelow, removeWithMounts } from './mounts.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-mounts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a half-built image that a killed build left mounted is removed, and nothing behind its mounts', async () => {
  const [partial, outside] = [join(folder, 'node.partial'), join(folder, 'outside')];
  await mkdir(join(partial, 'proc'), { recursive: true });
  await mkdir(join(partial, 'dev'));
  await mkdir(outside);
  await writeFile(join(outside, 'kept'), '');
  await localRunner.run(['mount', '-t', 'proc', 'proc', join(partial, 'proc')]);
  await localRunner.run(['mount', '--bind', outside, join(partial, 'dev')]);

  await removeWithMounts(partial);

  expect(await mountsBelow(partial)).toEqual([]);
  await expect(stat(partial)).rejects.toThrow('ENOENT');
  await expect(stat(join(outside, 'kept'))).resolves.toBeDefined();
});
