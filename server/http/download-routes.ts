// What people download: the audit log, the evidence of a bridge's change, captures.
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { browserMethods } from '../../contract/browser.ts';
import { AppError } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Auth } from '../auth/auth.ts';
import type { Fleet, Runs } from '../ports.ts';
import type { AuditStore } from '../store/types.ts';
import { sendError } from './body.ts';
import { sendCaptures } from './capture-download.ts';
import type { RecordUse, Route, RouteRequest, RouteTable } from './route.ts';

/** A login, a tar of some 100 kB. */
const evidenceTimeoutMs = 60_000;

const auditText = browserMethods['audit.list'].input.shape.text;

export function downloadRoutes({
  auth,
  audit,
  runs,
  fleet,
  record,
}: {
  readonly auth: Auth;
  readonly audit: AuditStore;
  readonly runs: Pick<Runs, 'evidence'>;
  readonly fleet: Pick<Fleet, 'openStream'>;
  readonly record: RecordUse;
}): RouteTable {
  const auditLines = async function* (text: string): AsyncGenerator<string> {
    yield 'time,who,what,where,result,message\r\n';
    let before: number | null = null;
    do {
      const entries = await audit.list({ before, limit: 1_000, text });
      for (const { at, who, what, where, result, message } of entries) {
        yield `${[new Date(at).toISOString(), who, what, where, result, message].map(csvCell).join(',')}\r\n`;
      }
      before = entries.at(-1)?.id ?? null;
    } while (before !== null);
  };

  const exportAudit: Route = async ({ request, response, credential }) => {
    const found = await credential();
    const caller = found && (await auth.callerOf(found));
    if (caller?.role !== 'admin') {
      sendError(response, 403, 'refused', 'The audit log is for admins.');
      return;
    }
    const text = auditText.safeParse(queryOf(request).get('text') ?? '');
    if (!text.success) throw new AppError('invalid', `text: ${z.prettifyError(text.error)}`);
    response.writeHead(200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': 'attachment; filename="meshdeck-audit.csv"',
      'cache-control': 'no-store',
    });
    // At the reader's pace; one that goes away ends it.
    await pipeline(Readable.from(auditLines(text.data)), response).catch((error: unknown) => {
      if (!response.destroyed || (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    });
  };

  /** Null for one who is not at least an operator: the answer says so then. */
  const operatorOf = async ({ response, credential }: RouteRequest, refusal: string) => {
    const found = await credential();
    const caller = found && (await auth.callerOf(found));
    if (caller && isAtLeast(caller.role, 'operator')) return caller;
    sendError(response, caller ? 403 : 401, 'refused', caller ? refusal : 'Log in first.');
    return null;
  };

  const bridgeEvidence: Route = async (call) => {
    const { request, response } = call;
    const caller = await operatorOf(call, 'Evidence is for operators.');
    if (!caller) return;
    const query = queryOf(request);
    const signal = AbortSignal.timeout(evidenceTimeoutMs);
    const { fileName, bytes } = await runs.evidence(query.get('run') ?? '', query.get('step') ?? '', signal);
    response.writeHead(200, {
      'content-type': 'application/gzip',
      'content-disposition': `attachment; filename="${fileName}"`,
      'content-length': bytes.length,
      'cache-control': 'no-store',
    });
    response.end(bytes);
  };

  const captures: Route = async (call) => {
    const { request, response } = call;
    const caller = await operatorOf(call, 'Captures are for operators.');
    if (!caller) return;
    await sendCaptures(queryOf(request), response, {
      fleet,
      record: (what, result, message) => record(caller.name, what, result, message),
    });
  };

  return {
    [`GET ${httpPaths.auditExport}`]: exportAudit,
    [`GET ${httpPaths.bridgeEvidence}`]: bridgeEvidence,
    [`GET ${httpPaths.captureDownload}`]: captures,
  };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URL(request.url ?? '/', 'http://console').searchParams;
}

/** Quoted, and without the first characters that spreadsheets take for a formula: users type some of these cells. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
