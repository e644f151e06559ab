// Applies prisma/migrations at the start, each in a transaction, and records them as Prisma does, so that its own commands
// agree about what is applied. Prisma's command line is not part of what runs in production.
import Database from 'better-sqlite3';
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, describeError } from '../../contract/errors.ts';

const migrationsTable = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL,
  "logs" TEXT, "rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp,
  "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0)`;

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  return Promise.all(
    names
      .map((entry) => entry.name)
      .sort()
      .map(async (name) => {
        const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
        return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
      }),
  );
}

/**
 * Brings a database up to the migrations of `folder`. Names those that it applied.
 * @throws AppError `failed` naming the migration, `conflict` when the database is of a newer console or an applied
 * migration was edited; nothing is changed then.
 */
export async function applyMigrations(databasePath: string, folder: string): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const database = new Database(databasePath, { timeout: 5_000 });
  try {
    // Readers and the one writer do not wait for each other; survives any kill of the process.
    database.pragma('journal_mode = WAL');
    database.exec(migrationsTable);
    const rows = database
      .prepare('SELECT migration_name AS name, checksum FROM _prisma_migrations WHERE rolled_back_at IS NULL')
      .all() as { name: string; checksum: string }[];
    const known = new Map(migrations.map((migration) => [migration.name, migration]));
    for (const row of rows) {
      const migration = known.get(row.name);
      if (migration?.checksum === row.checksum) continue;
      throw new AppError(
        'conflict',
        migration
          ? `${databasePath}: migration ${row.name} was edited after it was applied; restore the file as it was`
          : `${databasePath} was written by a newer console (migration ${row.name}): start that one, or restore a backup`,
      );
    }
    const applied = new Set(rows.map((row) => row.name));
    const missing = migrations.filter((migration) => !applied.has(migration.name));
    for (const migration of missing) apply(database, migration, databasePath);
    return missing.map((migration) => migration.name);
  } finally {
    database.close();
  }
}

function apply(database: Database.Database, migration: Migration, databasePath: string): void {
  // SQLite rebuilds a table by copying it: with foreign keys on, dropping the old one would delete what refers to it. The
  // pragma has no effect inside a transaction, so it is set around it, and the keys are checked before the commit.
  database.pragma('foreign_keys = OFF');
  const startedAt = new Date().toISOString();
  try {
    database.transaction(() => {
      database.exec(migration.sql);
      const broken = database.pragma('foreign_key_check') as unknown[];
      if (broken.length > 0) throw new Error(`${broken.length} rows would refer to nothing`);
      database
        .prepare(
          `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
           VALUES (?, ?, ?, ?, ?, 1)`,
        )
        .run(randomUUID(), migration.checksum, migration.name, startedAt, new Date().toISOString());
    })();
  } catch (cause) {
    const reason = describeError(cause);
    throw new AppError(
      'failed',
      `${databasePath}: migration ${migration.name} failed, nothing was changed: ${reason}`,
      {
        cause,
      },
    );
  } finally {
    database.pragma('foreign_keys = ON');
  }
}
