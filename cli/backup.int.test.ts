// Backup, restore and a new admin link by the command, beside a console that runs and without one.
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backUp, restore as restoreBackup } from '../server/store/backup.ts';
import { openDataFolder } from '../server/store/data-folder.ts';
import { exitCodes } from './exit-codes.ts';
import { meshdeck, startTestConsole } from './meshdeck-for-tests.ts';

const passphrase = 'correct horse battery';
// Each test starts several programs, and a console: seconds of CPU.
vi.setConfig({ testTimeout: 240_000 });
let folder = '';
let data = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-backup-'));
  data = join(folder, 'data');
  file = join(folder, 'backup');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const backup = (args: readonly string[] = [], stdin = `${passphrase}\n`) =>
  meshdeck(['--data', data, 'backup', file, '--passphrase-stdin', ...args], { stdin });
const restore = (to: string, from = file, stdin = `${passphrase}\n`) =>
  meshdeck(['--data', to, 'restore', from, '--passphrase-stdin'], { stdin });

test('of a console that runs: a console on the restored folder has its users, keys and certificate', async () => {
  const running = await startTestConsole(data);
  try {
    const made = await backup();
    expect(made.code, made.stderr).toBe(exitCodes.done);
  } finally {
    await running.child.stop();
  }
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const other = join(folder, 'other');
  const restored = await restore(other);
  expect(restored.code, restored.stderr).toBe(exitCodes.done);
  expect((await stat(join(other, 'secret.key'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(other, 'tls/console.crt'), 'utf8')).toBe(
    await readFile(join(data, 'tls/console.crt'), 'utf8'),
  );
  const listed = await meshdeck(['--data', other, 'runs', '--json']);
  expect([listed.code, listed.stdout]).toEqual([exitCodes.done, '[]\n']);
  const again = await restore(other);
  expect([again.code, again.stderr]).toEqual([exitCodes.unavailable, expect.stringContaining('is not empty')]);
});

test('another passphrase, a cut or a changed file open nothing and write nothing', async () => {
  const { store } = await openDataFolder(data);
  await store.stop();
  await backUp(data, file, passphrase, 1);
  const bytes = await readFile(file);
  const bad: [string, Buffer][] = [
    ['cut', bytes.subarray(0, -1)],
    ['short', bytes.subarray(0, 30)],
    ['changed', Buffer.concat([bytes.subarray(0, 60), Buffer.from([(bytes[60] ?? 0) ^ 1]), bytes.subarray(61)])],
    ['empty', Buffer.alloc(0)],
  ];
  const to = join(folder, 'new');
  for (const [name, content] of bad) {
    const path = join(folder, name);
    await writeFile(path, content);
    await expect(restoreBackup(to, path, passphrase), name).rejects.toThrow(/damaged|is not a backup/);
  }
  const wrong = await restore(to, file, 'wrong horse battery\n');
  expect([wrong.code, wrong.stderr]).toEqual([exitCodes.usage, expect.stringContaining('passphrase is another one')]);
  await expect(restoreBackup(to, join(folder, 'missing'), passphrase)).rejects.toThrow('cannot read the backup');
  expect(await stat(to).catch(() => null)).toBeNull();
});

test('says what it lacks, and overwrites nothing', async () => {
  const none = await backup();
  expect([none.code, none.stderr]).toEqual([exitCodes.unavailable, expect.stringContaining("no console's database")]);
  expect(await stat(data).catch(() => null)).toBeNull();
  const { store } = await openDataFolder(data);
  await store.stop();
  expect((await backup([], 'short\n')).code).toBe(exitCodes.usage);
  expect((await meshdeck(['--data', data, 'backup', file])).code).toBe(exitCodes.needsPerson);
  const passphraseFile = join(folder, 'passphrase');
  await writeFile(passphraseFile, `${passphrase}\n`);
  expect((await meshdeck(['--data', data, 'backup', file, '--passphrase-file', passphraseFile])).code).toBe(0);
  await copyFile(file, `${file}.kept`);
  const second = await backup();
  expect([second.code, second.stderr]).toEqual([exitCodes.usage, expect.stringContaining('exists already')]);
  expect(await readFile(file)).toEqual(await readFile(`${file}.kept`));
});

test('admin reset gives a link for a console that has started once, and is in the audit log', async () => {
  const typo = await meshdeck(['--data', data, 'admin', 'reset']);
  expect([typo.code, typo.stderr]).toEqual([exitCodes.unavailable, expect.stringContaining('no console ever started')]);
  expect(await stat(data).catch(() => null)).toBeNull();
  await (await openDataFolder(data)).store.stop();
  const { code, stdout } = await meshdeck(['--data', data, 'admin', 'reset']);
  expect([code, stdout]).toEqual([exitCodes.done, expect.stringMatching(/^\/setup\?token=[\w-]{32}\n$/)]);
  const { store } = await openDataFolder(data);
  expect(await store.audit.list({ before: null, limit: 5, text: '' })).toMatchObject([
    { what: 'meshdeck admin reset' },
  ]);
  await store.stop();
});
