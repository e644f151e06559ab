// The console over plain HTTP, for programs: `POST /api/v1/<method>` with a token and the method's input as JSON. Methods, inputs and errors are those
// of browser.ts; docs/http-api.md shows how it is used.
import type { BrowserEvents } from './browser.ts';
import type { ErrorCode } from './errors.ts';
import type { Ack } from './method.ts';

export const apiPaths = {
  /** Behind it, the name of a method. */
  calls: '/api/v1/',
  /** GET -> server-sent events of what `follow` names, until the client leaves. */
  events: '/api/v1/events',
  /** GET -> this interface as an OpenAPI 3.1 document. */
  openApi: '/api/openapi.json',
} as const;

/** An event as it was pushed during a call, such as `command.answer`. */
export interface ApiEvent {
  readonly event: keyof BrowserEvents;
  readonly data: unknown;
}

/** The answer to a call: with status 200 where `ok`, else with the status of its error's code. */
export type ApiAnswer = Ack<unknown> & { readonly events?: readonly ApiEvent[] };

/** HTTP's status for each code of an error. */
export const apiStatuses: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  'not-found': 404,
  refused: 403,
  conflict: 409,
  unreachable: 502,
  'host-key-unknown': 409,
  'host-key-changed': 409,
  timeout: 504,
  cancelled: 409,
  failed: 500,
};

/**
 * What `GET /api/v1/events?follow=<what>` may follow, several times. `fleet` and `run:<id>` begin with the present state, as
 * the answer of the method that a socket would call.
 */
export const followable = ['fleet', 'runs', 'nodes', 'run:<id>'] as const;
