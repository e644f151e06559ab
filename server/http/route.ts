// What a plain HTTP request that the console answers itself is given.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppError } from '../../contract/errors.ts';
import type { Credential } from '../auth/auth.ts';
import type { AuditKind } from '../store/types.ts';
import type { RequestOrigin } from './origin.ts';

export interface RouteRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly origin: RequestOrigin;
  /** Why its Origin header does not name the console; null when it does. */
  readonly foreignOrigin: string | null;
  /** Looked up when a route wants it. */
  readonly credential: () => Promise<Credential | null>;
}
export type Route = (call: RouteRequest) => Promise<void>;

/** By method and path. */
export type RouteTable = Readonly<Record<string, Route>>;

/** Into the audit log. */
export type RecordUse = (
  who: string,
  what: string,
  result: 'ok' | 'refused' | 'failed',
  message: string,
  kind?: AuditKind,
) => Promise<void>;

/** How long one who tried too often has to wait; null: that is not why it was refused. */
export function waitOf(error: AppError): number | null {
  const wait: unknown = error.detail?.['retryAfterMs'];
  return typeof wait === 'number' ? wait : null;
}
