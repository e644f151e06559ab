// The store on SQLite through Prisma. All writes go through the one client: a second connection in this process would wait
// in a blocking call for a transaction that needs the event loop to end.
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { z } from 'zod';
import { AuditEntry } from '../../contract/browser/users.ts';
import { AppError } from '../../contract/errors.ts';
import { Plan, RunState, StepView } from '../../contract/plans.ts';
import type { ClusterStore, HostStore, KeyStore, ListedRun, RunStore, StoredHost, StoredRun } from '../ports.ts';
import { checkKey } from './check-database.ts';
import { PrismaClient, type Prisma } from './client/client.ts';
import type { SecretBox } from './key-file.ts';
import { applyMigrations } from './migrations.ts';
import { pruneDatabase } from './prune.ts';
import { ClusterRecord, HostRecord, keyPlace } from './records.ts';
import { toldHosts } from './told-hosts.ts';
import { explainTrouble } from './trouble.ts';
import { takeTurns } from './turns.ts';
import type { AuditStore, ConsoleStore, SettingStore, StoredToken, TokenStore } from './types.ts';

export interface SqliteStoreOptions {
  readonly databasePath: string;
  /** Folder with a folder for each migration. */
  readonly migrationsPath: string;
  readonly box: SecretBox;
}

/** Opens the database, brings it up to date, and looks whether the key is its own. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<ConsoleStore & { applied: string[] }> {
  const { databasePath } = options;
  const applied = await applyMigrations(databasePath, options.migrationsPath);
  checkKey(databasePath, options.box);
  const client = explaining(
    new PrismaClient({ adapter: new PrismaBetterSqlite3({ url: `file:${databasePath}`, timeout: 5_000 }) }),
    databasePath,
  );
  return {
    applied,
    runs: runStore(client),
    hosts: toldHosts(hostStore(client)),
    clusters: clusterStore(client),
    keys: keyStore(client, options.box),
    audit: auditStore(client),
    tokens: tokenStore(client),
    settings: settingStore(client),
    prune: (kept, signal) => pruneDatabase(client, kept, signal),
    authDatabase: prismaAdapter(client, { provider: 'sqlite' }),
    start: async () => {
      // The journal must be on the disk before a step acts: also when the power goes, not only the process.
      await client.$queryRawUnsafe('PRAGMA synchronous = FULL');
    },
    stop: () => client.$disconnect(),
  };
}

/** Its errors say what is wrong with the disk: a full one names the folder and what to do. */
function explaining(client: PrismaClient, databasePath: string): PrismaClient {
  const explain = (error: unknown): never => {
    throw explainTrouble(error, databasePath) ?? error;
  };
  const extended = client.$extends({
    query: { $allOperations: ({ args, query }) => query(args).catch(explain) },
  });
  // Of what an extended client lacks, `$on`, nothing is used here.
  return extended as unknown as PrismaClient;
}

type RunRow = Prisma.RunGetPayload<object>;

function runFromRow(row: RunRow): StoredRun {
  return { ...listedFromRow(row), plan: Plan.parse(JSON.parse(row.plan)) };
}

function listedFromRow(row: Omit<RunRow, 'plan'>): ListedRun {
  return {
    id: row.id,
    state: RunState.parse(row.state),
    startedBy: row.startedBy,
    startedAt: row.startedAt.getTime(),
    endedAt: row.endedAt?.getTime() ?? null,
    missingSecrets: z.array(z.string()).parse(JSON.parse(row.missingSecrets)),
    memo: JSON.parse(row.memo) as unknown,
  };
}

/** Ids, the newest first. SQLite takes the memos apart itself: those of 1,000 runs need not come here. */
async function runsOn(client: PrismaClient, node: string, limit: number): Promise<string[]> {
  const rows = await client.$queryRaw`
    SELECT "id" FROM "Run"
    WHERE EXISTS (SELECT 1 FROM json_each("Run"."memo", '$.digest.nodes') WHERE "value" = ${node})
    ORDER BY "startedAt" DESC LIMIT ${limit}`;
  return z
    .array(z.object({ id: z.string() }))
    .parse(rows)
    .map(({ id }) => id);
}

function runStore(client: PrismaClient): RunStore {
  const upsertSteps = (id: string, steps: readonly StepView[]) =>
    steps.map((step) => {
      const view = JSON.stringify(step);
      const key = { runId: id, key: step.key };
      return client.runStep.upsert({ where: { runId_key: key }, create: { ...key, view }, update: { view } });
    });
  return {
    async create(run) {
      await client.run.create({
        data: {
          id: run.id,
          plan: JSON.stringify(run.plan),
          state: run.state,
          startedBy: run.startedBy,
          startedAt: new Date(run.startedAt),
          endedAt: run.endedAt === null ? null : new Date(run.endedAt),
          missingSecrets: JSON.stringify(run.missingSecrets),
          memo: JSON.stringify(run.memo ?? null),
        },
      });
    },
    async update(id, change, steps = []) {
      const update = client.run.updateMany({
        where: { id },
        data: {
          ...(change.state === undefined ? {} : { state: change.state }),
          ...(change.endedAt === undefined
            ? {}
            : { endedAt: change.endedAt === null ? null : new Date(change.endedAt) }),
          ...(change.missingSecrets === undefined ? {} : { missingSecrets: JSON.stringify(change.missingSecrets) }),
          ...(change.memo === undefined ? {} : { memo: JSON.stringify(change.memo) }),
        },
      });
      // Of an unknown run a step refers to nothing: the whole transaction fails.
      const [{ count }] = await client.$transaction([update, ...upsertSteps(id, steps)]);
      if (count === 0) throw new AppError('not-found', `there is no run ${id}`);
    },
    async get(id) {
      const row = await client.run.findUnique({ where: { id } });
      return row && runFromRow(row);
    },
    async list(limit, node) {
      const newest = { orderBy: { startedAt: 'desc' }, take: limit, omit: { plan: true } } as const;
      const where = node === undefined ? {} : { id: { in: await runsOn(client, node, limit) } };
      return (await client.run.findMany({ ...newest, where })).map(listedFromRow);
    },
    async unfinished() {
      return (await client.run.findMany({ where: { endedAt: null }, orderBy: { startedAt: 'asc' } })).map(runFromRow);
    },
    async putSteps(id, steps) {
      await client.$transaction(upsertSteps(id, steps));
    },
    async steps(id) {
      const rows = await client.runStep.findMany({ where: { runId: id } });
      return rows.map((row) => StepView.parse(JSON.parse(row.view)));
    },
    async appendLog(id, lines) {
      await client.runLogLine.createMany({
        data: lines.map((line) => ({ ...line, runId: id, at: new Date(line.at) })),
      });
    },
    async log(id, limit) {
      const rows = await client.runLogLine.findMany({ where: { runId: id }, orderBy: { id: 'desc' }, take: limit });
      return rows.reverse().map(({ at, step, node, text }) => ({ at: at.getTime(), step, node, text }));
    },
  };
}

function hostStore(client: PrismaClient): Omit<HostStore, 'onChanged'> {
  // One process holds the data folder: turns within it are enough.
  const inTurn = takeTurns();
  const put = async (host: StoredHost) => {
    const row = { name: host.name, data: JSON.stringify(HostRecord.parse(host)) };
    await client.host.upsert({ where: { id: host.id }, create: { id: host.id, ...row }, update: row });
  };
  return {
    async list() {
      const rows = await client.host.findMany({ orderBy: { name: 'asc' } });
      return rows.map((row) => HostRecord.parse(JSON.parse(row.data)));
    },
    put: (host) => inTurn(() => put(host)),
    update: (id, change) =>
      inTurn(async () => {
        const row = await client.host.findUnique({ where: { id } });
        if (!row) return null;
        const host = await change(HostRecord.parse(JSON.parse(row.data)));
        await put(host);
        return host;
      }),
    remove: (id) =>
      inTurn(async () => {
        await client.host.deleteMany({ where: { id } });
      }),
  };
}

function clusterStore(client: PrismaClient): ClusterStore {
  return {
    async list() {
      const rows = await client.cluster.findMany({ orderBy: { id: 'asc' } });
      return rows.map((row) => ClusterRecord.parse(JSON.parse(row.data)));
    },
    async put(cluster) {
      const data = JSON.stringify(ClusterRecord.parse(cluster));
      await client.cluster.upsert({ where: { id: cluster.id }, create: { id: cluster.id, data }, update: { data } });
    },
    async remove(id) {
      await client.cluster.deleteMany({ where: { id } });
    },
  };
}

function keyStore(client: PrismaClient, box: SecretBox): KeyStore {
  return {
    async put({ id, label, publicKey, privateKey, addedAt }) {
      const row = { label, publicKey, sealed: box.seal(privateKey, keyPlace(id)), addedAt: new Date(addedAt) };
      await client.sshKey.upsert({ where: { id }, create: { id, ...row }, update: row });
    },
    async get(id) {
      const row = await client.sshKey.findUnique({ where: { id } });
      if (!row) return null;
      const { label, publicKey, sealed, addedAt } = row;
      return { id, label, publicKey, privateKey: box.open(sealed, keyPlace(id)), addedAt: addedAt.getTime() };
    },
    async list() {
      const rows = await client.sshKey.findMany({ orderBy: [{ addedAt: 'asc' }, { id: 'asc' }] });
      return rows.map(({ id, label, publicKey, addedAt }) => ({ id, label, publicKey, addedAt: addedAt.getTime() }));
    },
    async remove(id) {
      await client.sshKey.deleteMany({ where: { id } });
    },
  };
}

function auditStore(client: PrismaClient): AuditStore {
  return {
    async append({ who, what, where, at, result, message }, kind) {
      await client.$executeRaw`
        INSERT INTO "AuditEntry" ("at", "who", "what", "place", "result", "message", "kind")
        VALUES (${new Date(at)}, ${who}, ${what}, ${where}, ${result}, ${message}, ${kind})`;
    },
    async list({ before, limit, text }) {
      const has = { contains: text };
      const rows = await client.auditEntry.findMany({
        where: {
          ...(before === null ? {} : { id: { lt: before } }),
          ...(text === '' ? {} : { OR: [{ who: has }, { what: has }, { place: has }, { message: has }] }),
        },
        orderBy: { id: 'desc' },
        take: limit,
      });
      return rows.map(({ place, at, ...row }) => AuditEntry.parse({ ...row, at: at.getTime(), where: place }));
    },
  };
}

function tokenFromRow(row: Prisma.ApiTokenGetPayload<object>): StoredToken {
  return { ...row, createdAt: row.createdAt.getTime(), lastUsedAt: row.lastUsedAt?.getTime() ?? null };
}

function tokenStore(client: PrismaClient): TokenStore {
  return {
    async put(token) {
      const row = {
        ...token,
        createdAt: new Date(token.createdAt),
        lastUsedAt: token.lastUsedAt === null ? null : new Date(token.lastUsedAt),
      };
      await client.apiToken.upsert({ where: { id: token.id }, create: row, update: row });
    },
    async findByHash(hash) {
      const row = await client.apiToken.findUnique({ where: { hash } });
      return row && tokenFromRow(row);
    },
    async list(userId) {
      return (await client.apiToken.findMany({ where: { userId }, orderBy: { createdAt: 'asc' } })).map(tokenFromRow);
    },
    async remove(id, userId) {
      return (await client.apiToken.deleteMany({ where: { id, userId } })).count > 0;
    },
    async removeAll(userId) {
      await client.apiToken.deleteMany({ where: { userId } });
    },
  };
}

function settingStore(client: PrismaClient): SettingStore {
  return {
    async get(key) {
      return (await client.setting.findUnique({ where: { key } }))?.value ?? null;
    },
    async put(key, value) {
      await client.setting.upsert({ where: { key }, create: { key, value }, update: { value } });
    },
    async take(key, value) {
      return (await client.setting.deleteMany({ where: { key, value } })).count > 0;
    },
  };
}
