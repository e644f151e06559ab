#!/usr/bin/env node
// Prisma 7 asks for a downloaded "schema-engine" binary. This answers the same
// line-delimited JSON-RPC with @prisma/schema-engine-wasm + a driver adapter.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';

const bgPath = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
const bg = await import(bgPath);
const { instance } = await WebAssembly.instantiate(readFileSync(bgPath.replace(/\.js$/, '.wasm')), {
  './schema_engine_bg.js': bg,
});
bg.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start?.();

const argv = process.argv.slice(2);
if (argv.includes('cli')) process.exit(0); // can-connect-to-database / create-database: SQLite makes the file itself
const opt = (n) => (argv.includes(n) ? argv[argv.indexOf(n) + 1] : undefined);
const url = JSON.parse(opt('--datasource') ?? '{}').url;
const send = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\n');

const base = new PrismaBetterSqlite3({ url });
const toShadow = base.connectToShadowDb.bind(base);
base.connectToShadowDb = async () => {
  // the wasm engine sends whole migration scripts to executeRaw on the shadow database
  const c = await toShadow();
  const one = c.executeRaw.bind(c);
  c.executeRaw = async (q) => (q.args?.length ? one(q) : (await c.executeScript(q.sql), 0));
  return c;
};
const factory = bindMigrationAwareSqlAdapterFactory(base);
const files = opt('--datamodels')
  ?.split(',')
  .map((p) => [p, readFileSync(p, 'utf8')]);
let engine;
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const { id, method, params } = JSON.parse(line);
  if (!method) continue; // the CLI's answer to our 'print'
  try {
    engine ??= await bg.SchemaEngine.new({ datamodels: files }, () => {}, factory);
    if (method === 'devDiagnostic') {
      // the wasm engine stumbles over a database without this table
      const c = await base.connect();
      await c.executeScript(
        'CREATE TABLE IF NOT EXISTS "_prisma_migrations" ("id" TEXT PRIMARY KEY NOT NULL, "checksum" TEXT NOT NULL, "finished_at" DATETIME, "migration_name" TEXT NOT NULL, "logs" TEXT, "rolled_back_at" DATETIME, "started_at" DATETIME NOT NULL DEFAULT current_timestamp, "applied_steps_count" INTEGER UNSIGNED NOT NULL DEFAULT 0)',
      );
      await c.dispose();
    }
    let result = null;
    if (method === 'createDatabase') result = { databaseName: url };
    else if (method === 'getDatabaseVersion') result = await engine.version(params);
    else result = (await engine[method](params)) ?? null;
    if (method === 'diff' && result?.stdout != null)
      send({ id: 1e6, method: 'print', params: { content: result.stdout } });
    send({ id, result });
  } catch (e) {
    const ext = /External error id#(\d+)/.exec(e?.message ?? '');
    const cause = ext && factory.errorRegistry.consumeError(Number(ext[1]))?.error;
    const message = `${e?.message ?? e}${cause ? `\nCause: ${cause}` : ''}`;
    send({
      id,
      error: { code: 4466, message, data: { is_panic: false, message, meta: null, error_code: e?.code ?? 'P0000' } },
    });
  }
}
