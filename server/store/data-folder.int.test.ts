// What a start says of a data folder that is not as a console left it: it refuses with the file, the reason and the way out,
// and never begins again where a console was.
import Database from 'better-sqlite3';
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { startServer } from '../start.ts';
import { parseConfig } from '../config.ts';
import { silentLog, testMakers } from '../parts-for-tests.ts';
import { backUp, restore } from './backup.ts';
import { databaseName, openDataFolder } from './data-folder.ts';
import { keyFileName } from './key-file.ts';

let folder = '';
let data = '';
let database = '';
let keyFile = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-folder-'));
  data = join(folder, 'data');
  database = join(data, databaseName);
  keyFile = join(data, keyFileName);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const sshKey = { id: 'k1', label: 'l', publicKey: 'ssh-ed25519 A', privateKey: 'PRIVATE', addedAt: 1 };

/** A folder as a console leaves it, with something in it to lose. */
async function makeFolder(path = data): Promise<void> {
  const { store } = await openDataFolder(path);
  await store.keys.put(sshKey);
  await store.stop();
}

/** What a start answers; a start that goes through fails the test. */
async function refusal(path = data): Promise<string> {
  try {
    const { store } = await openDataFolder(path);
    await store.stop();
  } catch (error) {
    expect(error, String(error)).toBeInstanceOf(AppError);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('it started');
}

describe('a database that is gone, while its key file is there', () => {
  const cases: [string, () => Promise<unknown>][] = [
    ['missing', () => rm(database)],
    ['of no bytes', () => truncate(database, 0)],
    [
      'without tables',
      async () => {
        await rm(database);
        const empty = new Database(database);
        empty.exec('CREATE TABLE a (b); DROP TABLE a');
        empty.close();
      },
    ],
  ];
  it.each(cases)(
    '%s: starts no new console, and names restore and the way to begin from nothing',
    async (_title, damage) => {
      await makeFolder();
      await damage();
      const text = await refusal();
      expect(text).toContain(database);
      expect(text).toMatch(/set up here/);
      expect(text).toMatch(/meshdeck --data \S+ restore <file>/);
      expect(text).toContain(`mv ${data} ${data}.old`);
      const makers = { ...testMakers, log: silentLog };
      await expect(startServer(parseConfig(['--data', data, '--listen', '127.0.0.1:0'], {}), makers)).rejects.toThrow(
        /set up here/,
      );
    },
  );

  it('with a write-ahead log left alone: the same, with or without the key file', async () => {
    await makeFolder();
    await rename(database, `${database}-wal`);
    expect(await refusal()).toMatch(/set up here/);
    await rm(keyFile);
    expect(await refusal()).toMatch(/set up here/);
  });

  it('a first start that was killed between key file and database begins again', async () => {
    await mkdir(data);
    await writeFile(keyFile, `${'ab'.repeat(32)}\n`, { mode: 0o600 });
    await writeFile(`${database}.new`, 'half of a database');
    const { store } = await openDataFolder(data);
    expect(await store.runs.list(1)).toEqual([]);
    await store.stop();
    await expect(stat(`${database}.new`)).rejects.toThrow('ENOENT');
  });
});

describe('a database that cannot be used', () => {
  it('a folder in its place', async () => {
    await makeFolder();
    await rm(database);
    await mkdir(database);
    expect(await refusal()).toMatch(/meshdeck\.db is a folder.*restore/s);
  });

  it('other bytes than a database', async () => {
    await makeFolder();
    await writeFile(database, 'x'.repeat(10_000));
    expect(await refusal()).toMatch(/meshdeck\.db is damaged.*restore/s);
  });

  it('a page of zeros in its middle, and a file cut short', async () => {
    await makeFolder();
    const whole = await readFile(database);
    const hole = Buffer.from(whole);
    hole.fill(0xff, 4096 * 3, 4096 * 6);
    await writeFile(database, hole);
    expect(await refusal()).toMatch(/meshdeck\.db is damaged.*restore/s);
    await writeFile(database, whole.subarray(0, 4096 * 4));
    expect(await refusal()).toMatch(/meshdeck\.db is damaged.*restore/s);
    await writeFile(database, whole);
    const { store } = await openDataFolder(data);
    expect(await store.keys.get('k1')).toEqual(sshKey);
    await store.stop();
  });

  it('a database of another program', async () => {
    await makeFolder();
    await rm(database);
    const other = new Database(database);
    other.exec('CREATE TABLE songs (name TEXT)');
    other.close();
    expect(await refusal()).toMatch(/meshdeck\.db is not the database of a console/);
  });

  it('one of a newer console: names the migration', async () => {
    await makeFolder();
    const newer = new Database(database);
    newer.exec(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '20990101000000_later')`,
    );
    newer.close();
    expect(await refusal()).toMatch(/newer console \(migration 20990101000000_later\)/);
  });

  it('one that another program has locked', async () => {
    await makeFolder();
    const holder = new Database(database);
    holder.pragma('locking_mode = EXCLUSIVE');
    holder.exec('BEGIN EXCLUSIVE');
    try {
      expect(await refusal()).toMatch(/meshdeck\.db is locked by another program.*fuser/s);
    } finally {
      holder.exec('COMMIT');
      holder.close();
    }
  });
});

describe('a key file that does not fit', () => {
  it('the key of another database, also one that was made before the check was kept', async () => {
    await makeFolder();
    const right = await readFile(keyFile);
    await writeFile(keyFile, `${'cd'.repeat(32)}\n`);
    expect(await refusal()).toMatch(/secret\.key is not the key .*meshdeck\.db.*restore/s);
    const old = new Database(database);
    old.exec(`DELETE FROM Setting WHERE key = 'key-check'`);
    old.close();
    expect(await refusal()).toMatch(/secret\.key is not the key .*meshdeck\.db/s);
    await writeFile(keyFile, right);
    await makeFolder();
  });

  it('a folder, and bytes that are not a key', async () => {
    await makeFolder();
    await writeFile(keyFile, 'hello\n');
    expect(await refusal()).toMatch(/secret\.key is not a key file.*restore/s);
    await rm(keyFile);
    await mkdir(keyFile);
    expect(await refusal()).toMatch(/secret\.key is a folder.*restore/s);
  });
});

it('takes away what others may read, and says so for each file', async () => {
  await makeFolder();
  const { store } = await openDataFolder(data);
  await store.settings.put('a', 'b');
  const open = [database, `${database}-wal`, `${database}-shm`, keyFile];
  for (const path of open) await chmod(path, 0o644);
  await chmod(data, 0o755);
  // As after a kill: the write-ahead log is left.
  await cp(data, join(folder, 'copy'), { recursive: true });
  await store.stop();
  const copy = join(folder, 'copy');
  const { store: again, notes } = await openDataFolder(copy);
  await again.stop();
  expect(notes.join('\n')).toMatch(new RegExp(`${copy} .*mode 0755`));
  for (const path of open) {
    const copied = join(copy, path.slice(data.length));
    expect(notes.join('\n')).toMatch(new RegExp(`${copied} .*mode 0644`));
  }
  expect((await stat(join(copy, databaseName))).mode & 0o777).toBe(0o600);
  expect((await stat(join(copy, keyFileName))).mode & 0o777).toBe(0o600);
  const { store: third, notes: none } = await openDataFolder(copy);
  await third.stop();
  expect(none).toEqual([]);
});

describe('backup and restore', () => {
  const passphrase = 'correct horse battery';

  it('a folder without key file, or with an empty database, makes no backup', async () => {
    await makeFolder();
    const key = await readFile(keyFile);
    await rm(keyFile);
    await expect(backUp(data, join(folder, 'b'), passphrase, 1)).rejects.toThrow(/secret\.key/);
    await writeFile(keyFile, key, { mode: 0o600 });
    await truncate(database, 0);
    await expect(backUp(data, join(folder, 'b'), passphrase, 1)).rejects.toThrow(/empty/);
    await expect(stat(join(folder, 'b'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['no database', { [keyFileName]: 'a' }],
    ['an empty database', { [keyFileName]: 'a', [databaseName]: '' }],
    ['no key file', { [databaseName]: 'SQLite format 3\0' }],
    ['a database of other bytes', { [keyFileName]: 'a', [databaseName]: 'hello' }],
  ])('a backup with %s is an error, and nothing is written', async (_title, files) => {
    const { sealBackup } = await import('./backup.ts');
    const content = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
    );
    await writeFile(join(folder, 'b'), await sealBackup({ createdAt: 1, files: content }, passphrase));
    await expect(restore(data, join(folder, 'b'), passphrase)).rejects.toThrow(
      /has no (database|key file)|nothing was written/,
    );
    await expect(stat(database)).rejects.toThrow('ENOENT');
    await expect(stat(keyFile)).rejects.toThrow('ENOENT');
  });

  it('a restore that was cut off before its database starts no console', async () => {
    await makeFolder();
    await backUp(data, join(folder, 'b'), passphrase, 1);
    const to = join(folder, 'to');
    await restore(to, join(folder, 'b'), passphrase);
    await rm(join(to, databaseName));
    expect(await refusal(to)).toMatch(/set up here/);
  });
});
