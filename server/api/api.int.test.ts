// The console over plain HTTP, on a real socket: who is let in, what each method answers, events, and the bounds.
import { Validator } from '@seriousme/openapi-schema-validator';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { apiPaths, apiStatuses, type ApiAnswer } from '../../contract/api.ts';
import { browserMethods, type MethodName } from '../../contract/browser.ts';
import { maxApiCallsPerUser } from '../../contract/console-limits.ts';
import { maxCallBytes } from '../../contract/limits.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import { createAuth, type Credential } from '../auth/auth.ts';
import type { CommandCall } from '../ports.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import {
  createTestDispatcher,
  createTestFleet,
  createTestRuns,
  emptyDelta,
  emptySnapshot,
  silentLog,
  testSummary,
  type TestFleet,
  type TestRuns,
} from '../parts-for-tests.ts';
import { createApi, type Api } from './api.ts';

const names = Object.keys(browserMethods) as MethodName[];
let server: Server;
let api: Api;
let url: string;
let fleet: TestFleet;
let runs: TestRuns;
let ended: (ids: string[], reason: string) => void;

beforeEach(async () => {
  const store = createMemoryStore();
  fleet = createTestFleet();
  runs = createTestRuns();
  const real = createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store });
  const { id } = await real.createUser({
    ...{ name: 'Root', email: 'root@example.org', password: 'correct horse battery', role: 'admin' },
  });
  const auth = {
    ...real,
    // Tokens are `<role>` and `<role>-…` of the same user.
    credentialOfToken: (token: string): Promise<Credential | null> =>
      Promise.resolve(/^(viewer|operator|admin)/.test(token) ? { kind: 'token', hash: token, id: token } : null),
    callerOf: (credential: Credential) =>
      Promise.resolve({ userId: id, name: 'Root', role: credential.id.split('-', 1)[0] as Role }),
    onEnded: (listener: typeof ended) => {
      ended = listener;
      return () => true;
    },
  };
  api = createApi(
    { version: '1', foreignOrigin: () => 'This request is not from a page of the console.' },
    { auth, dispatcher: createTestDispatcher({ auth, fleet, runs, store }), fleet, runs, hosts: store.hosts },
  );
  server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://console').pathname;
    api.answer(request, response, { path, onKnown: () => undefined }).then(
      (isOurs) => isOurs || response.writeHead(418).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  api.stop();
  server.closeAllConnections();
  server.close();
});

function ask(path: string, token: string | null, init: RequestInit = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(token !== null && { authorization: `Bearer ${token}` }) };
  return fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(60_000), ...init });
}

async function call(
  name: string,
  input: unknown,
  token: string | null,
): Promise<{ status: number; answer: ApiAnswer }> {
  const response = await ask(`${apiPaths.calls}${name}`, token, { method: 'POST', body: JSON.stringify(input) });
  return { status: response.status, answer: (await response.json()) as ApiAnswer };
}

const codeOf = (answer: ApiAnswer) => (answer.ok ? 'ok' : answer.error.code);

describe('a call', () => {
  it.each(names)('%s without a token, as a viewer, and as an admin', async (name) => {
    const { example, role, needsSession } = browserMethods[name];
    for (const token of [null, 'someone']) {
      const { status, answer } = await call(name, example, token);
      expect([status, codeOf(answer)]).toEqual([401, 'refused']);
    }
    for (const caller of ['viewer', 'admin'] as const) {
      const { status, answer } = await call(name, example, caller);
      if (!isAtLeast(caller, role) || needsSession === true) {
        expect([status, codeOf(answer)]).toEqual([403, 'refused']);
        continue;
      }
      // Of what the example names, nothing exists here.
      const expected = name === 'tokens.revoke' ? [404, 'not-found'] : [200, 'ok'];
      expect([status, codeOf(answer)]).toEqual(expected);
      if (answer.ok)
        expect((browserMethods[name].output as { parse(data: unknown): unknown }).parse(answer.data)).toEqual(
          answer.data,
        );
    }
  });

  it('has what was pushed meanwhile in its answer', async () => {
    const answers = [
      { Resp: null, Rendered: 'one', More: true, Status: false },
      { Resp: null, Rendered: 'two', More: false, Status: false },
    ];
    fleet.runCommand = (command: CommandCall) => {
      for (const answer of answers) command.onAnswer(answer);
      return Promise.resolve({ failed: false });
    };
    const { answer } = await call('command.run', browserMethods['command.run'].example, 'viewer');
    expect(answer).toEqual({
      ok: true,
      data: { failed: false },
      events: answers.map((each) => ({ event: 'command.answer', data: { call: 'c1', answer: each } })),
    });
  });

  it('is cancelled when its client goes', async () => {
    const abort = new AbortController();
    const input = { ...browserMethods['command.run'].example, line: 'wait' };
    const waiting = ask(`${apiPaths.calls}command.run`, 'viewer', {
      ...{ method: 'POST', body: JSON.stringify(input), signal: abort.signal },
    });
    await vi.waitUntil(() => fleet.commands.length === 1);
    abort.abort();
    await expect(waiting).rejects.toThrow();
    await vi.waitUntil(() => fleet.commands[0]?.signal.aborted);
  });

  it.each([
    ['a method that is not there', 'nope', '{}', 404, 'not-found'],
    ['a name of Object', 'toString', '{}', 404, 'not-found'],
    ['no JSON', 'runs.list', '{', 400, 'invalid'],
    ['a wrong field', 'runs.list', '{"limit":"5"}', 400, 'invalid'],
    ['too much', 'runs.list', JSON.stringify('x'.repeat(maxCallBytes)), 400, 'invalid'],
  ])('with %s says so', async (_, name, body, status, code) => {
    const response = await ask(`${apiPaths.calls}${name}`, 'admin', { method: 'POST', body });
    expect([response.status, codeOf((await response.json()) as ApiAnswer)]).toEqual([status, code]);
  });

  it('takes POST only, and JSON only', async () => {
    const got = await ask(`${apiPaths.calls}runs.list`, 'admin');
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    const form = await fetch(`${url}${apiPaths.calls}runs.list`, {
      ...{ method: 'POST', body: '{"limit":1}' },
      headers: { 'content-type': 'text/plain', authorization: 'Bearer admin' },
    });
    expect(form.status).toBe(400);
  });

  it('of one user too many waits for none', async () => {
    const input = { ...browserMethods['command.run'].example, line: 'wait' };
    const abort = new AbortController();
    const waiting = Array.from({ length: maxApiCallsPerUser }, () =>
      ask(`${apiPaths.calls}command.run`, 'viewer', {
        ...{ method: 'POST', body: JSON.stringify(input), signal: abort.signal },
      }).catch(() => null),
    );
    await vi.waitUntil(() => fleet.commands.length === maxApiCallsPerUser);
    expect(await call('runs.list', { limit: 1 }, 'admin-2')).toMatchObject({ status: 429 });
    abort.abort();
    await Promise.all(waiting);
    await vi.waitUntil(async () => (await call('runs.list', { limit: 1 }, 'admin-2')).status === 200);
  });

  it('answers every code of an error with a status that is one', () => {
    for (const [code, status] of Object.entries(apiStatuses))
      expect([code as ErrorCode, status >= 400]).toEqual([code, true]);
  });
});

/** Reads events until `count` of them are there. */
async function read(response: Response, count: number): Promise<{ event: string; data: unknown }[]> {
  const events: { event: string; data: unknown }[] = [];
  let text = '';
  const decoder = new TextDecoder();
  if (!response.body) return events;
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
      if (event !== undefined) events.push({ event, data: JSON.parse(data ?? '') as unknown });
      text = text.slice(end + 2);
    }
    if (events.length >= count) break;
  }
  return events;
}

describe('events', () => {
  it('begin with the present state, and follow in their order', async () => {
    const response = await ask(`${apiPaths.events}?follow=fleet&follow=runs&follow=run:r1`, 'viewer');
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    fleet.push(emptyDelta);
    runs.change(testSummary);
    const events = await read(response, 4);
    expect(events.map(({ event }) => event)).toEqual([
      'fleet.subscribe',
      'runs.subscribe',
      'fleet.delta',
      'runs.changed',
    ]);
    expect([events[0]?.data, events[2]?.data]).toEqual([emptySnapshot, emptyDelta]);
  });

  it('end with their token, and say why', async () => {
    const response = await ask(`${apiPaths.events}?follow=runs`, 'viewer-1');
    ended(['viewer-1'], 'Your token was revoked.');
    expect(await read(response, 2)).toEqual([{ event: 'session.ended', data: { reason: 'Your token was revoked.' } }]);
  });

  it.each([
    ['', 400],
    ['?follow=everything', 400],
    ['?follow=fleet&follow=x', 400],
  ])('of `%s` are an error', async (query, status) => {
    expect((await ask(`${apiPaths.events}${query}`, 'viewer')).status).toBe(status);
  });

  it('leave nothing when their client goes', async () => {
    const abort = new AbortController();
    const response = await ask(`${apiPaths.events}?follow=run:r1`, 'viewer', { signal: abort.signal });
    await read(response, 1).catch(() => null);
    abort.abort();
    for (let turn = 0; turn < maxApiCallsPerUser; turn += 1) {
      const next = new AbortController();
      await ask(`${apiPaths.events}?follow=runs`, 'viewer', { signal: next.signal });
      next.abort();
    }
    await vi.waitUntil(async () => (await call('runs.list', { limit: 1 }, 'viewer')).status === 200);
  });
});

it('the OpenAPI document is valid, has every method, and needs a token', async () => {
  expect((await ask(apiPaths.openApi, null)).status).toBe(401);
  const document = (await (await ask(apiPaths.openApi, 'viewer')).json()) as { paths: Record<string, unknown> };
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect([valid, errors]).toEqual([true, undefined]);
  expect(Object.keys(document.paths).sort()).toEqual(
    [...names.map((name) => `${apiPaths.calls}${name}`), apiPaths.events].sort(),
  );
});

it('a session counts only with a page of the console behind it', async () => {
  const response = await fetch(`${url}${apiPaths.calls}runs.list`, {
    ...{ method: 'POST', body: '{"limit":1}' },
    headers: { 'content-type': 'application/json', cookie: 'meshdeck.session_token=x' },
  });
  expect([response.status, codeOf((await response.json()) as ApiAnswer)]).toEqual([403, 'refused']);
});

it('another path is not its own', async () => {
  expect((await ask('/api/health', null)).status).toBe(418);
});
