// Takes what is older than the newest N out of the database, in bites: one statement holds the whole process up until it is
// done. Pages that become free are used again; the file does not shrink.
import type { PrismaClient } from './client/client.ts';
import type { Kept } from './types.ts';

/** Rows of a statement: some milliseconds. */
const biteRows = 1_000;

export async function pruneDatabase(client: PrismaClient, kept: Kept, signal: AbortSignal): Promise<void> {
  await pruneAudit(client, kept.auditEntries, signal);
  // By its index alone: a row with its plan has megabytes.
  const older = await client.run.findMany({
    orderBy: { startedAt: 'desc' },
    skip: kept.runLogs,
    select: { id: true },
  });
  for (const [at, { id }] of older.entries()) {
    if (signal.aborted) return;
    const isOver = { id, endedAt: { not: null } };
    if ((await client.run.count({ where: isOver })) === 0) continue;
    await pruneLog(client, id, signal);
    // Its steps go with it, and so do the lines that pruneLog left when it was stopped.
    if (at + kept.runLogs >= kept.runs) await client.run.deleteMany({ where: isOver });
  }
}

async function pruneAudit(client: PrismaClient, kept: number, signal: AbortSignal): Promise<void> {
  const newest = { orderBy: { id: 'desc' }, select: { id: true } } as const;
  const last = await client.auditEntry.findFirst({ ...newest, skip: kept });
  if (!last) return;
  for (let gone = biteRows; gone === biteRows && !signal.aborted;) {
    gone = await client.$executeRaw`
      DELETE FROM "AuditEntry" WHERE "id" IN
        (SELECT "id" FROM "AuditEntry" WHERE "id" <= ${last.id} ORDER BY "id" LIMIT ${biteRows})`;
  }
}

async function pruneLog(client: PrismaClient, run: string, signal: AbortSignal): Promise<void> {
  for (let gone = biteRows; gone === biteRows && !signal.aborted;) {
    gone = await client.$executeRaw`
      DELETE FROM "RunLogLine" WHERE "id" IN
        (SELECT "id" FROM "RunLogLine" WHERE "runId" = ${run} ORDER BY "id" LIMIT ${biteRows})`;
  }
}
