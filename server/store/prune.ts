// Takes what is older than the newest N out of the database, in bites: one statement holds the whole process up until it is
// done. Pages that become free are used again; the file does not shrink.
import { z } from 'zod';
import type { PrismaClient } from './client/client.ts';
import type { AuditKind, Kept } from './types.ts';

/** Rows of a statement: some milliseconds. */
const biteRows = 1_000;

export async function pruneDatabase(client: PrismaClient, kept: Kept, signal: AbortSignal): Promise<void> {
  for (const kind of ['act', 'use'] as const) await pruneAudit(client, kind, kept.auditEntries[kind], signal);
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

async function pruneAudit(client: PrismaClient, kind: AuditKind, kept: number, signal: AbortSignal): Promise<void> {
  const [last] = z
    .array(z.object({ id: z.coerce.number() }))
    .parse(
      await client.$queryRaw`SELECT "id" FROM "AuditEntry" WHERE "kind" = ${kind} ORDER BY "id" DESC LIMIT 1 OFFSET ${kept}`,
    );
  if (!last) return;
  for (let gone = biteRows; gone === biteRows && !signal.aborted;) {
    gone = await client.$executeRaw`
      DELETE FROM "AuditEntry" WHERE "id" IN
        (SELECT "id" FROM "AuditEntry" WHERE "kind" = ${kind} AND "id" <= ${last.id} ORDER BY "id" LIMIT ${biteRows})`;
  }
}

async function pruneLog(client: PrismaClient, run: string, signal: AbortSignal): Promise<void> {
  for (let gone = biteRows; gone === biteRows && !signal.aborted;) {
    gone = await client.$executeRaw`
      DELETE FROM "RunLogLine" WHERE "id" IN
        (SELECT "id" FROM "RunLogLine" WHERE "runId" = ${run} ORDER BY "id" LIMIT ${biteRows})`;
  }
}
