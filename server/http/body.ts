// JSON bodies and answers of the few plain HTTP requests that the console takes.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import type { HttpError } from '../../contract/http.ts';
import { maxFormBytes } from '../../contract/limits.ts';

/** @throws AppError `invalid` when it is too long, not JSON, or not of this shape. */
export async function readJson<Schema extends z.ZodType>(
  request: IncomingMessage,
  schema: Schema,
): Promise<z.output<Schema>> {
  // A form of another site can be sent without asking the browser's permission, but not as JSON.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new AppError('invalid', 'send JSON, with content-type application/json');
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxFormBytes) throw new AppError('invalid', `the request has more than ${maxFormBytes} bytes`);
    parts.push(part);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (cause) {
    throw new AppError('invalid', 'the request is not JSON', { cause });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new AppError('invalid', z.prettifyError(parsed.error));
  return parsed.data;
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { code, message } satisfies HttpError);
}
