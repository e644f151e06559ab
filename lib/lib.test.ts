import { beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../contract/errors.ts';
import type { FleetDelta, FleetSnapshot } from '../contract/fleet.ts';
import { fleetKeys } from '../contract/fleet-keys.ts';
import type { RunSummary } from '../contract/plans.ts';
import { rowsOf } from '../core/fleet-view.ts';
import { ConsoleClient, type SocketLike } from './client.ts';
import { createConsole, type Console } from './console.ts';

/** The server's end of a socket: what it was asked, what it answers. */
class FakeSocket implements SocketLike {
  connected = false;
  active = true;
  readonly asked: [string, unknown][] = [];
  answer: (name: string, input: unknown) => unknown = () => undefined;
  private readonly listeners = new Map<string, ((...values: unknown[]) => void)[]>();

  emit(name: string, input: unknown, ack: (answer: unknown) => void): void {
    this.asked.push([name, input]);
    const answer = this.answer(name, input);
    if (answer !== undefined) queueMicrotask(() => ack(answer));
  }
  on(name: string, listener: (...values: unknown[]) => void): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }
  connect(): void {
    this.connected = true;
    this.push('connect');
  }
  disconnect(): void {
    this.drop('io client disconnect');
  }
  drop(reason: string): void {
    this.connected = false;
    this.push('disconnect', reason);
  }
  push(name: string, ...values: unknown[]): void {
    for (const listener of this.listeners.get(name) ?? []) listener(...values);
  }
  count(name: string): number {
    return this.asked.filter(([asked]) => asked === name).length;
  }
}

const snapshot = (Revision: number): FleetSnapshot => ({ Revision, Now: 5_000, Kinds: {}, Events: [] });
const delta = (From: number): FleetDelta => ({
  From,
  Revision: From + 1,
  Now: 5_100,
  Kinds: { clusters: { put: [], gone: [`gone${From}`] } },
  Events: [],
});
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

let socket: FakeSocket;
let page: Console;
beforeEach(() => {
  socket = new FakeSocket();
  page = createConsole(new ConsoleClient({ socket, now: () => 1_000 }), () => 1_000);
});

describe('calls', () => {
  test('give data, or the error of the server with its code', async () => {
    socket.connect();
    socket.answer = () => ({ ok: true, data: ['mesh status '] });
    const input = { cluster: '', node: '', text: 'mesh s' };
    expect(await page.client.call('command.suggest', input)).toEqual(['mesh status ']);
    socket.answer = () => ({ ok: false, error: { code: 'refused', message: 'no', detail: { a: 1 } } });
    await expect(page.client.call('command.suggest', input)).rejects.toMatchObject({
      code: 'refused',
      message: 'no',
      detail: { a: 1 },
    });
    for (const improper of ['what', 7, null, {}, { ok: false }, { ok: false, error: { code: 'refused' } }]) {
      socket.answer = () => improper;
      await expect(page.client.call('command.suggest', input)).rejects.toThrow(/no proper answer/);
    }
  });

  test('fail at once without a connection, when it is lost, and at their deadline', async () => {
    await expect(page.client.call('users.list', {})).rejects.toMatchObject({ code: 'unreachable' });
    socket.connect();
    const lost = page.client.call('users.list', {});
    socket.drop('transport close');
    await expect(lost).rejects.toMatchObject({ code: 'unreachable' });
    socket.connect();
    await expect(page.client.call('users.list', {}, { timeoutMs: 5 })).rejects.toMatchObject({ code: 'timeout' });
  });
});

describe('the connection', () => {
  test('tells what it is, and since when', () => {
    expect(page.client.connection.get().state).toBe('connecting');
    socket.push('connect_error', new Error('refused'));
    expect(page.client.connection.get()).toMatchObject({ state: 'connecting', reason: 'refused' });
    socket.connect();
    expect(page.client.connection.get().state).toBe('live');
    socket.drop('transport close');
    expect(page.client.connection.get()).toEqual({ state: 'lost', since: 1_000, reason: 'transport close' });
    socket.push('connect_error', new Error('refused'));
    expect(page.client.connection.get()).toMatchObject({ state: 'lost', since: 1_000 });
  });

  test('stays ended when the session ends', () => {
    socket.connect();
    const heard = vi.fn();
    page.client.on('session.ended', heard);
    socket.push('session.ended', { reason: 'revoked' });
    expect(heard).toHaveBeenCalledWith({ reason: 'revoked' });
    expect(page.client.connection.get()).toMatchObject({ state: 'ended', reason: 'revoked' });
    socket.push('disconnect', 'io server disconnect');
    expect([socket.connected, page.client.connection.get().state]).toEqual([false, 'ended']);
  });

  test('is ended by a refusal, and made again by hand when the server turned it away for another reason', () => {
    vi.useFakeTimers();
    try {
      socket.active = false;
      socket.push('connect_error', new Error('busy'));
      expect(page.client.connection.get().state).toBe('connecting');
      vi.advanceTimersByTime(3_000);
      expect(page.client.connection.get().state).toBe('live');
      socket.connected = false;
      socket.push('connect_error', Object.assign(new Error('Log in first.'), { data: { code: 'refused' } }));
      vi.advanceTimersByTime(10_000);
      expect(page.client.connection.get()).toMatchObject({ state: 'ended', reason: 'Log in first.' });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the fleet', () => {
  const status = () => page.fleet.state.get().status;
  const revision = () => page.fleet.state.get().view.revision;

  test('is asked for while someone looks, and follows its deltas', async () => {
    socket.answer = () => ({ ok: true, data: snapshot(3) });
    socket.connect();
    expect(socket.asked).toEqual([]);
    const release = page.fleet.retain();
    const second = page.fleet.retain();
    await settle();
    expect([status(), revision(), socket.count('fleet.subscribe')]).toEqual(['live', 3, 2]);
    expect(page.fleet.state.get()).toMatchObject({ asOf: 1_000, serverOffsetMs: 4_000 });
    socket.push('fleet.delta', delta(3));
    socket.push('fleet.delta', delta(2));
    expect([status(), revision()]).toEqual(['live', 4]);
    socket.push('fleet.delta', { nonsense: true });
    expect(revision()).toBe(4);
    release();
    second();
  });

  test('a gap asks for a new snapshot, and deltas that come meanwhile are not lost', async () => {
    socket.answer = () => ({ ok: true, data: snapshot(3) });
    socket.connect();
    page.fleet.retain();
    await settle();
    socket.answer = () => ({ ok: true, data: snapshot(9) });
    socket.push('fleet.delta', delta(7));
    expect(status()).toBe('stale');
    socket.push('fleet.delta', delta(8));
    socket.push('fleet.delta', delta(9));
    await settle();
    expect([status(), revision(), socket.count('fleet.subscribe')]).toEqual(['live', 10, 4]);
  });

  test('the mesh is there before VMs are, and follows; VMs are as new as the last delta', async () => {
    const acks = new Map<boolean, (data: unknown) => void>();
    socket.emit = (name, input, ack) => {
      if (name === 'fleet.subscribe') acks.set('Only' in (input as object), (data) => ack({ ok: true, data }));
    };
    const cluster = { Id: 'c1', AsOf: 0 };
    const vm = (Id: number, State: string) => ({ Cluster: 'c1', Node: 'n1', Id, State });
    const put = (kind: string, ...rows: object[]) => ({ [kind]: { put: rows, gone: [] } });
    const states = () => [...rowsOf(page.fleet.state.get().view, fleetKeys.vms).values()].map(({ State }) => State);
    const early = () => page.fleet.early.get();
    const heard = vi.fn();
    page.fleet.onDelta(heard);
    socket.connect();
    page.fleet.retain();
    acks.get(true)?.({ ...snapshot(3), Kinds: put('clusters', cluster) });
    await settle();
    expect([status(), early().status, early().view.clusters]).toEqual(['loading', 'live', [cluster]]);
    // What the rest has already, and what it has not.
    socket.push('fleet.delta', { ...delta(3), Kinds: put('vms', { ...vm(1, 'PAUSED') }) });
    socket.push('fleet.delta', {
      ...delta(4),
      Kinds: {
        ...put('clusters', { Id: 'c1', AsOf: 9 }),
        ...put('vms', { Cluster: 'c1', Node: 'n1', Id: 2, State: 'QUIT' }),
      },
    });
    expect([early().view.revision, early().view.clusters[0]?.AsOf, heard.mock.calls.length]).toEqual([5, 9, 0]);
    const nodesBefore = early().view.nodes;
    acks.get(false)?.({ ...snapshot(4), Kinds: put('vms', vm(1, 'RUNNING'), vm(2, 'RUNNING')) });
    await settle();
    expect([status(), revision(), states(), heard.mock.calls]).toEqual(['live', 5, ['RUNNING', 'QUIT'], [[null]]]);
    expect([early(), early().view.nodes]).toEqual([page.fleet.state.get(), nodesBefore]);
    socket.push('fleet.delta', { ...delta(5), Kinds: put('vms', { Cluster: 'c1', Node: 'n1', Id: 1, State: 'QUIT' }) });
    expect([states(), early()]).toEqual([['QUIT', 'QUIT'], page.fleet.state.get()]);
  });

  test('what a page can draw without is asked for when it has drawn, or when it takes long', async () => {
    vi.useFakeTimers();
    try {
      socket.answer = () => ({ ok: true, data: snapshot(3) });
      const release = page.fleet.holdRest();
      const second = page.fleet.holdRest();
      socket.connect();
      page.fleet.retain();
      await vi.advanceTimersByTimeAsync(1);
      release();
      release();
      await vi.advanceTimersByTimeAsync(1);
      expect([page.fleet.early.get().status, status(), socket.count('fleet.subscribe')]).toEqual([
        'live',
        'loading',
        1,
      ]);
      second();
      await vi.advanceTimersByTimeAsync(1);
      expect([status(), socket.count('fleet.subscribe')]).toEqual(['live', 2]);
      page.fleet.holdRest();
      socket.drop('gone');
      socket.connect();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(socket.count('fleet.subscribe')).toBe(3);
      await vi.advanceTimersByTimeAsync(1_500);
      expect([status(), socket.count('fleet.subscribe')]).toEqual(['live', 4]);
    } finally {
      vi.useRealTimers();
    }
  });

  test('a delta that is missing before VMs come asks for all again', async () => {
    const acks: ((data: unknown) => void)[] = [];
    socket.emit = (name, _input, ack) => {
      if (name === 'fleet.subscribe') acks.push((data) => ack({ ok: true, data }));
    };
    socket.connect();
    page.fleet.retain();
    // In the order in which they were asked for: the mesh, the rest.
    acks[0]?.(snapshot(3));
    await settle();
    acks[1]?.(snapshot(5));
    await settle();
    expect([status(), acks.length]).toEqual(['loading', 4]);
    acks[2]?.(snapshot(5));
    acks[3]?.(snapshot(5));
    await settle();
    expect([status(), revision(), acks.length]).toEqual(['live', 5, 4]);
  });

  test('a lost connection leaves what is shown with its age, and its return asks again', async () => {
    socket.answer = () => ({ ok: true, data: snapshot(3) });
    socket.connect();
    page.fleet.retain();
    await settle();
    const { view } = page.fleet.state.get();
    socket.drop('transport close');
    expect(page.fleet.state.get()).toMatchObject({ status: 'stale', asOf: 1_000 });
    expect(page.fleet.state.get().view).toBe(view);
    socket.answer = () => ({ ok: true, data: snapshot(0) });
    socket.connect();
    await settle();
    expect([status(), revision()]).toEqual(['live', 0]);
  });

  test('is left after a while, not at once', async () => {
    vi.useFakeTimers();
    try {
      socket.answer = () => ({ ok: true, data: snapshot(3) });
      socket.connect();
      page.fleet.retain()();
      await vi.advanceTimersByTimeAsync(1_000);
      page.fleet.retain()();
      await vi.advanceTimersByTimeAsync(29_000);
      expect([socket.count('fleet.subscribe'), socket.count('fleet.unsubscribe')]).toEqual([2, 0]);
      await vi.advanceTimersByTimeAsync(2_000);
      expect(socket.count('fleet.unsubscribe')).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  test('says why there is nothing, and asks again', async () => {
    vi.useFakeTimers();
    try {
      socket.answer = () => ({ ok: false, error: { code: 'failed', message: 'not ready' } });
      socket.connect();
      page.fleet.retain();
      await vi.advanceTimersByTimeAsync(1);
      expect(page.fleet.state.get()).toMatchObject({ status: 'loading', error: 'not ready' });
      socket.answer = () => ({ ok: true, data: snapshot(3) });
      await vi.advanceTimersByTimeAsync(600);
      expect(status()).toBe('live');
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('nodes that the console knows', () => {
  const node = (id: string, name: string) => ({
    id,
    name,
    addresses: [],
    user: 'root',
    cluster: '',
    addedAt: 1,
    bridge: null,
    port: 22,
    checkedAt: null,
    missing: [],
  });
  const names = () => [...page.knownNodes.state.get().nodes.values()].map(({ name }) => name);

  test('are loaded once, and what changed meanwhile is newer than the list', async () => {
    socket.answer = () => {
      socket.push('nodes.changed', { changed: [node('h2', 'node2')], gone: ['h3'] });
      return { ok: true, data: [node('h1', 'node1'), node('h3', 'node3')] };
    };
    socket.connect();
    page.knownNodes.retain();
    page.knownNodes.retain();
    await settle();
    expect([names(), socket.count('nodes.known')]).toEqual([['node1', 'node2'], 1]);
    socket.push('nodes.changed', { changed: [node('h1', 'node9')], gone: ['h2'] });
    expect(names()).toEqual(['node9']);
  });

  test('stay while the connection is lost, and are asked for again when it is back', async () => {
    socket.answer = () => ({ ok: true, data: [node('h1', 'node1')] });
    socket.connect();
    page.knownNodes.retain();
    await settle();
    socket.drop('gone');
    expect([page.knownNodes.state.get().status, names()]).toEqual(['stale', ['node1']]);
    socket.answer = () => ({ ok: true, data: [] });
    socket.connect();
    await settle();
    expect([page.knownNodes.state.get().status, names()]).toEqual(['live', []]);
  });
});

describe('runs', () => {
  const summary = (id: string, state: RunSummary['state'] = 'running'): RunSummary => ({
    id,
    kind: 'deploy',
    title: 'Deploy',
    state,
    startedBy: 'Ann',
    startedAt: 1,
    endedAt: null,
    nodes: ['node1'],
    counts: { total: 1, done: 0, failed: 0 },
    missingSecrets: [],
  });
  const plan = {
    id: 'p',
    kind: 'deploy',
    title: 'Deploy',
    createdAt: 1,
    steps: [],
    waves: [],
    onFailure: 'stop',
    command: '',
    secrets: [],
    warnings: [],
  };

  test('the list is loaded once and kept up to date', async () => {
    socket.answer = () => ({ ok: true, data: [summary('r1')] });
    socket.connect();
    page.runs.retain();
    await settle();
    socket.push('runs.changed', summary('r1', 'done'));
    socket.push('runs.changed', summary('r2'));
    expect(page.runs.state.get().runs.map(({ id, state }) => [id, state])).toEqual([
      ['r2', 'running'],
      ['r1', 'done'],
    ]);
  });

  test('what happens while the list is on its way is in it, whichever of two calls answers last', async () => {
    const acks: ((data: unknown) => void)[] = [];
    socket.emit = (name: string, _input: unknown, ack: (answer: unknown) => void) => {
      if (name === 'runs.list') acks.push((data) => ack({ ok: true, data }));
    };
    socket.connect();
    page.runs.retain();
    await settle();
    socket.push('runs.changed', summary('r1', 'done'));
    socket.push('runs.changed', summary('r2'));
    // The connection comes back before the first call was answered.
    socket.push('connect');
    await settle();
    expect(acks).toHaveLength(2);
    socket.push('runs.changed', summary('r2', 'failed'));
    acks[1]?.([summary('r2'), summary('r1', 'done')]);
    acks[0]?.([summary('r1')]);
    await settle();
    expect(page.runs.state.get().runs.map(({ id, state }) => [id, state])).toEqual([
      ['r2', 'failed'],
      ['r1', 'done'],
    ]);
  });

  test('an event that comes before the list is not lost with it', async () => {
    socket.answer = () => {
      socket.push('runs.changed', summary('r1', 'done'));
      return { ok: true, data: [summary('r1')] };
    };
    socket.connect();
    page.runs.retain();
    await settle();
    expect(page.runs.state.get().runs).toEqual([summary('r1', 'done')]);
  });

  test('one run takes its events in, also those that come before its view', async () => {
    const step = { key: 's', state: 'running', startedAt: 1, endedAt: null, error: '', result: {} };
    socket.answer = (name) => {
      if (name !== 'runs.subscribe') return { ok: true, data: {} };
      socket.push('run.event', { event: 'step', run: 'r1', step: { ...step, state: 'failed' }, isBegun: true });
      return { ok: true, data: { ...summary('r1'), plan, steps: [step], begun: [], log: [], progress: {} } };
    };
    socket.connect();
    const run = page.runs.open('r1');
    await settle();
    expect(run.state.get().run).toMatchObject({ steps: [{ state: 'failed' }], begun: ['s'] });
    const line = { at: 1, step: 's', node: 'node1', text: 'copied' };
    socket.push('run.event', { event: 'log', run: 'r1', lines: [line] });
    socket.push('run.event', { event: 'log', run: 'other', lines: [line] });
    socket.push('run.event', { event: 'run', run: 'r1', summary: summary('r1', 'done') });
    expect(run.state.get().run).toMatchObject({ state: 'done', log: [line] });
    run.close();
    expect(socket.count('runs.unsubscribe')).toBe(1);
  });

  test('one that is not there says so', async () => {
    socket.answer = () => ({ ok: false, error: { code: 'not-found', message: 'no run r9' } });
    socket.connect();
    const run = page.runs.open('r9');
    await settle();
    expect(run.state.get()).toMatchObject({ status: 'missing', error: 'no run r9' });
  });
});

describe('command lines', () => {
  test('get their own answers, and can be cancelled', async () => {
    socket.connect();
    const answer = (text: string) => ({ Resp: null, Rendered: text, More: false, Status: false });
    socket.answer = (name, input) => {
      if (name === 'command.cancel') return { ok: true, data: {} };
      const { call } = input as { call: string };
      socket.push('command.answer', { call: 'another', answer: answer('not mine') });
      socket.push('command.answer', { call, answer: answer('mine') });
      return { ok: true, data: { failed: false } };
    };
    const heard: string[] = [];
    const target = { cluster: 'c', node: 'node1' };
    const onAnswer = ({ Rendered }: { Rendered: string }) => heard.push(Rendered);
    expect(await page.commands.run(target, 'mesh status', { onAnswer })).toEqual({ failed: false });
    expect(heard).toEqual(['mine']);
    const abort = new AbortController();
    socket.answer = (name) => {
      if (name === 'command.run') queueMicrotask(() => abort.abort());
      return undefined;
    };
    const running = page.commands.run(target, 'host', { onAnswer, signal: abort.signal, timeoutMs: 1 });
    await settle();
    expect(socket.count('command.cancel')).toBe(1);
    socket.drop('gone');
    await expect(running).rejects.toBeInstanceOf(AppError);
    expect(await page.commands.suggest(target, 'm')).toEqual([]);
  });
});
