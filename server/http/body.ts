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
  const parsed = schema.safeParse(await readBody(request, maxFormBytes));
  if (!parsed.success) throw new AppError('invalid', z.prettifyError(parsed.error));
  return parsed.data;
}

/** @throws AppError `invalid` when it is longer than `maxBytes`, or not JSON. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  // A form of another site can be sent without asking the browser's permission, but not as JSON.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new AppError('invalid', 'send JSON, with content-type application/json');
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new AppError('invalid', `the request has more than ${maxBytes} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch (cause) {
    throw new AppError('invalid', 'the request is not JSON', { cause });
  }
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { code, message } satisfies HttpError);
}
