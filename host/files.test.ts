import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeUnfinished, writeFileAtomic } from './files.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('writes private files, makes the folder, leaves no temporary file', async () => {
  const path = join(folder, 'deep', 'secret');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, 'two');
  expect(await readFile(path, 'utf8')).toBe('two');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(folder, 'deep'))).toEqual(['secret']);
});

test('a failed write leaves the old content and no other file', async () => {
  const path = join(folder, 'kept');
  await writeFileAtomic(path, 'old');
  await writeFileAtomic(join(path, 'below-a-file'), 'x').catch(() => undefined);
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['kept']);
});

test('what a writer that was killed left is removed; what another one is writing stays, and so does all else', async () => {
  const { pid } = spawnSync('true');
  const other = process.ppid;
  const left = [`.kept.json.${pid}.1a2b`, `.kept.json.${process.pid}.1a2b`];
  const stays = [`.kept.json.${other}.1a2b`, 'kept.json', '.hidden', '.hidden.json'];
  for (const name of [...left, ...stays]) await writeFile(join(folder, name), '');
  await removeUnfinished(folder);
  await removeUnfinished(join(folder, 'not-there'));
  expect((await readdir(folder)).sort()).toEqual([...stays].sort());
});
