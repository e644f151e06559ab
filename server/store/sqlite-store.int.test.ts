import Database from 'better-sqlite3';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backUp, restore } from './backup.ts';
import { databaseName, holdDataFolder, migrationsPath, openDataFolder } from './data-folder.ts';
import { keyFileName } from './key-file.ts';
import { applyMigrations } from './migrations.ts';
import { describeStore } from './store-compliance.ts';
import type { ConsoleStore } from './types.ts';

let folder = '';
const opened: ConsoleStore[] = [];
const open = async (path = join(folder, 'data')) => {
  const { store } = await openDataFolder(path);
  opened.push(store);
  await store.start();
  return store;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshdeck-store-'));
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.stop();
  await rm(folder, { recursive: true, force: true });
});

const key = { id: 'k1', label: 'l', publicKey: 'ssh-ed25519 A', privateKey: 'PRIVATE-HALF', addedAt: 1 };

describe('the store in SQLite', () => {
  describeStore(() => open());

  it('makes folder, database and key file readable by their owner only', async () => {
    await open();
    const path = join(folder, 'data');
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(path))
      expect([name, (await stat(join(path, name))).mode & 0o077]).toEqual([name, 0]);
  });

  it('finds everything again after a restart, and applies no migration twice', async () => {
    const first = await open();
    await first.keys.put(key);
    await first.stop();
    const { store, applied } = await openDataFolder(join(folder, 'data'));
    opened.push(store);
    expect(applied).toEqual([]);
    expect(await store.keys.get('k1')).toEqual(key);
  });

  it('has no private key in any byte of the folder', async () => {
    const store = await open();
    await store.keys.put(key);
    for (const name of await readdir(join(folder, 'data'))) {
      expect((await readFile(join(folder, 'data', name))).includes('PRIVATE-HALF')).toBe(false);
    }
  });

  it('does not start without the key file that its secrets were sealed with', async () => {
    await (await open()).stop();
    await rm(join(folder, 'data', keyFileName));
    await expect(openDataFolder(join(folder, 'data'))).rejects.toThrow(/secret.key is missing/);
  });
});

describe('migrations', () => {
  const prepare = async () => {
    const migrations = join(folder, 'migrations');
    await cp(migrationsPath, migrations, { recursive: true });
    return { migrations, database: join(folder, 'test.db') };
  };

  it('changes nothing when one fails, and says which', async () => {
    const { migrations, database } = await prepare();
    await applyMigrations(database, migrations);
    await mkdir(join(migrations, '99990101000000_broken'));
    const sql = 'CREATE TABLE "half" ("id" TEXT);\nINSERT INTO "nowhere" VALUES (1);';
    await writeFile(join(migrations, '99990101000000_broken', 'migration.sql'), sql);
    await expect(applyMigrations(database, migrations)).rejects.toThrow(/99990101000000_broken failed.*nowhere/s);
    const tables = new Database(database).prepare("SELECT name FROM sqlite_master WHERE name = 'half'").all();
    expect(tables).toEqual([]);
  });

  it('knows of runs from before what a list shows of their plans, and keeps their steps and logs', async () => {
    const { migrations, database } = await prepare();
    const later = (await readdir(migrations))
      .filter((name) => /^\d/.test(name))
      .sort()
      .slice(1);
    for (const name of later) await rm(join(migrations, name), { recursive: true });
    await applyMigrations(database, migrations);
    const steps = ['', 'node2', 'node1', 'node2'].map((node) => ({ node }));
    const old = new Database(database);
    old
      .prepare(
        `INSERT INTO "Run" ("id", "plan", "state", "startedBy", "startedAt", "endedAt", "missingSecrets", "memo")
         VALUES (?, ?, 'done', 'Ann', '2026-11-01T00:00:00.000Z', '2026-11-01T00:01:00.000Z', '[]', ?)`,
      )
      .run('r1', JSON.stringify({ kind: 'deploy', title: 'Deploy “two”', steps }), JSON.stringify({ begun: ['a'] }));
    old.prepare(`INSERT INTO "RunStep" VALUES ('r1', 'a', '{}')`).run();
    old.prepare(`INSERT INTO "RunLogLine" VALUES (1, 'r1', '2026-11-01T00:00:00.000Z', 's', 'n', 't')`).run();
    old.close();
    expect((await applyMigrations(database, migrationsPath)).length).toBeGreaterThan(0);
    const now = new Database(database);
    const row = now.prepare('SELECT * FROM "Run"').get() as Record<string, string>;
    expect(JSON.parse(row['memo'] ?? '')).toEqual({
      begun: ['a'],
      digest: { kind: 'deploy', title: 'Deploy “two”', nodes: ['node2', 'node1'], total: 4 },
    });
    // SQLite reads a row up to the last column that is asked for.
    expect(Object.keys(row).at(-1)).toBe('plan');
    expect(now.prepare('SELECT COUNT(*) AS n FROM "RunStep" JOIN "RunLogLine" USING ("runId")').get()).toEqual({
      n: 1,
    });
    expect(now.pragma('foreign_key_check')).toEqual([]);
    now.close();
  });

  it('keeps the audit log of an older console as acts, which later commands do not push out', async () => {
    const path = join(folder, 'data');
    await (await open(path)).stop();
    const old = new Database(join(path, databaseName));
    // As it was before this migration.
    old.exec('DROP INDEX "AuditEntry_kind_id_idx"; ALTER TABLE "AuditEntry" DROP COLUMN "kind";');
    old.prepare('DELETE FROM _prisma_migrations WHERE migration_name = ?').run('20261129000000_audit_kind');
    const insert = old.prepare(
      `INSERT INTO "AuditEntry" ("at", "who", "what", "place", "result", "message")
       VALUES (?, 'Ann', ?, 'console', 'ok', '')`,
    );
    const at = '2026-11-01T00:00:00.000+00:00';
    for (const what of ['first', 'second', 'third']) insert.run(at, what);
    old.close();
    const store = await open(path);
    const entry = { at: Date.parse(at), who: 'Eve', where: 'node1', result: 'ok', message: '' } as const;
    for (let turn = 0; turn < 2_500; turn += 1) await store.audit.append({ ...entry, what: `echo ${turn}` }, 'use');
    // More than one bite goes.
    const kept = { auditEntries: { act: 2, use: 3 }, runs: 1, runLogs: 1 };
    await store.prune(kept, new AbortController().signal);
    const left = await store.audit.list({ before: null, limit: 99, text: '' });
    expect(left.map(({ what }) => what)).toEqual(['echo 2499', 'echo 2498', 'echo 2497', 'third', 'second']);
    expect(new Set(left.map(({ at: when }) => when))).toEqual(new Set([Date.parse(at)]));
    const now = new Database(join(path, databaseName));
    // Those written by hand are stored as Prisma stores them: one text per moment, or the index on it sorts nothing.
    expect(now.prepare('SELECT DISTINCT "kind", "at" FROM "AuditEntry" ORDER BY "kind"').all()).toEqual([
      { kind: 'act', at },
      { kind: 'use', at },
    ]);
    now.close();
  });

  it('refuses a database of a newer console, and an edited migration', async () => {
    const { migrations, database } = await prepare();
    const first = (await applyMigrations(database, migrations)).at(-1) ?? '';
    const path = join(migrations, first, 'migration.sql');
    await writeFile(path, `${await readFile(path, 'utf8')}\n-- edited`);
    await expect(applyMigrations(database, migrations)).rejects.toThrow(/was edited/);
    await rm(join(migrations, first), { recursive: true });
    await expect(applyMigrations(database, migrations)).rejects.toThrow(/newer console/);
  });
});

describe('the hold on a data folder', () => {
  it('is for one at a time, names the holder, and can be taken again', async () => {
    const release = await holdDataFolder(folder, 'the console');
    await expect(holdDataFolder(folder, 'meshdeck')).rejects.toThrow(
      `is in use by the console (process ${process.pid})`,
    );
    await release();
    await (
      await holdDataFolder(folder, 'meshdeck')
    )();
  });
});

describe('backup', () => {
  it('brings everything back into an empty folder, and only there', async () => {
    const store = await open();
    await store.keys.put(key);
    await store.audit.append({ at: 1, who: 'a', what: 'b', where: 'c', result: 'ok', message: '' }, 'act');
    const file = join(folder, 'backup');
    // While the console runs: what is in the write-ahead log only must be in it.
    await backUp(join(folder, 'data'), file, 'correct horse battery', 42);
    expect((await stat(file)).mode & 0o077).toBe(0);
    await store.stop();
    await expect(restore(join(folder, 'data'), file, 'correct horse battery')).rejects.toThrow('is not empty');
    expect(await restore(join(folder, 'new'), file, 'correct horse battery')).toBe(42);
    const restored = await open(join(folder, 'new'));
    expect(await restored.keys.get('k1')).toEqual(key);
    expect(await restored.audit.list({ before: null, limit: 9, text: '' })).toHaveLength(1);
    expect(await readdir(join(folder, 'data'))).not.toContainEqual(expect.stringMatching(/^\.backup/));
  });

  it('does not open with another passphrase or a changed byte', async () => {
    await (await open()).keys.put(key);
    const file = join(folder, 'backup');
    await expect(backUp(join(folder, 'data'), file, 'short', 1)).rejects.toThrow('less than 12');
    await backUp(join(folder, 'data'), file, 'correct horse battery', 1);
    await expect(restore(join(folder, 'new'), file, 'wrong horse battery')).rejects.toThrow('does not open');
    const bytes = await readFile(file);
    bytes[bytes.length - 40]! ^= 1;
    await writeFile(file, bytes);
    await expect(restore(join(folder, 'new'), file, 'correct horse battery')).rejects.toThrow('does not open');
    expect(await readFile(join(folder, 'data', databaseName))).toBeDefined();
  });
});
