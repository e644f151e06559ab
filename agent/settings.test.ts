import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { SettingsFile } from './settings.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
  path = join(folder, 'settings.json');
  return () => rm(folder, { recursive: true, force: true });
});
const onDisk = async () => JSON.parse(await readFile(path, 'utf8')) as unknown;

test('a setting is still there after a restart, and what another version wrote stays', async () => {
  await writeFile(path, '{"degree": 3, "later": {"a": 1}}');
  const settings = await SettingsFile.open(path);
  expect(settings.degree).toBe(3);
  await settings.update({ degree: 5 });
  expect(await onDisk()).toEqual({ degree: 5, later: { a: 1 } });
  await settings.update({ login: { user: 'john', sudo: true } });
  const again = await SettingsFile.open(path);
  expect(again.degree).toBe(5);
  expect(again.login).toEqual({ user: 'john', sudo: true });
});

test('of many changes at once the last one is kept', async () => {
  const settings = await SettingsFile.open(path);
  await Promise.all(Array.from({ length: 20 }, (_, degree) => settings.update({ degree })));
  expect(await onDisk()).toEqual({ degree: 19 });
  expect(await readdir(folder)).toEqual(['settings.json']);
});

test('a damaged file and one that cannot be written are reported', async () => {
  await writeFile(path, '{"degree": 4000}');
  await expect(SettingsFile.open(path)).rejects.toThrow(`${path} is damaged`);
  const nowhere = new SettingsFile('/proc/settings.json', {});
  await expect(nowhere.update({ degree: 2 })).rejects.toThrow(
    /^it is set, and not saved in .*lasts until this meshd ends$/,
  );
});
