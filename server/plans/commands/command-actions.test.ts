// Steps that are lines on a cluster, through the real fleet on a mesh in memory: a line whose end is not seen is looked at again.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { responseEntry } from '../../../contract/command-socket.ts';
import type { StepView } from '../../../contract/plans.ts';
import type { Role } from '../../../contract/roles.ts';
import { fleetFromSnapshot } from '../../../core/fleet-view.ts';
import { commandStep, type CommandStepParts } from '../../../core/plans/commands/actions.ts';
import type { PlanKindFacts } from '../../../core/plans/plan-kind.ts';
import { makePlan } from '../../../core/plans/step.ts';
import { createMeshdEngine } from '../../engines/meshd/engine.ts';
import { MemoryMesh, ringOfNodes } from '../../engines/meshd/memory-mesh.ts';
import { Fleet } from '../../fleet/fleet.ts';
import type { Caller } from '../../ports.ts';
import type { RunCore } from '../../runs/run-core.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import type { ConsoleStore } from '../../store/types.ts';
import { silentLog } from '../../parts-for-tests.ts';
import { createRunCore } from '../create-runs.ts';
import { serveKind } from '../plan-kind.ts';
import { commandActionTable } from './command-actions.ts';

const admin: Caller = { userId: 'u1', name: 'Ann', role: 'admin' };

/** Nodes whose degree is a number that lines change and show. */
class Degrees {
  readonly at = new Map<string, number>();
  readonly mesh: MemoryMesh;
  /** What a line does in place of its answer: by node and line. */
  readonly instead = new Map<string, () => ReturnType<MemoryMesh['answer']>>();

  constructor() {
    const { nodes, links } = ringOfNodes(3);
    this.mesh = new MemoryMesh({ meshId: 'c', context: 'john' }, nodes, links);
    this.mesh.answer = (node, line) => this.instead.get(`${node}: ${line}`)?.() ?? this.do(node, line);
  }

  do(node: string, line: string): ReturnType<MemoryMesh['answer']> {
    const [, to, sent] = /^mesh send (\S+) (.*)$/.exec(line) ?? [];
    if (to !== undefined && sent !== undefined) return this.do(to, sent);
    const degree = /^mesh degree (\d+)$/.exec(line)?.[1];
    if (degree !== undefined) {
      this.at.set(node, Number(degree));
      return '';
    }
    const row = ['5', String(this.at.get(node) ?? 3)];
    return [{ Resp: [responseEntry(node, { Header: ['size', 'degree'], Tabular: [row] })] }];
  }
}

let degrees: Degrees;
let fleet: Fleet;
let store: ConsoleStore;
let core: RunCore;

beforeEach(async () => {
  degrees = new Degrees();
  store = createMemoryStore();
  await store.clusters.put({ id: 'c', context: 'john', engine: 'meshd', socketPaths: [], addedAt: 0 });
  for (const name of ['node1', 'node2']) {
    await store.hosts.put({
      id: name,
      name,
      addresses: [name],
      port: 22,
      user: 'root',
      needsSudo: false,
      keyId: 'k',
      pins: [],
      cluster: 'c',
      nodeId: null,
      isHead: name === 'node1',
      addedAt: 0,
      facts: null,
    });
  }
  fleet = new Fleet({ engines: { meshd: createMeshdEngine(degrees.mesh) }, now: Date.now, log: silentLog }, { store });
  await fleet.start();
  await vi.waitFor(() => {
    expect(fleetFromSnapshot(fleet.snapshot()).clusters[0]?.State).toBe('live');
  });
});
afterEach(async () => {
  await core.stop();
  await fleet.stop();
});

const look = (degree: number) => ({ line: 'mesh status', where: { degree: String(degree) }, wants: 'a row' }) as const;
const stepOn = (node: string, parts: Partial<CommandStepParts> = {}) =>
  commandStep({
    verb: 'setDegree',
    node,
    cluster: 'c',
    title: 'Degree 5',
    why: '',
    line: 'mesh degree 5',
    look: look(5),
    undo: { line: 'mesh degree 3', look: look(3) },
    ...parts,
  });

function makeCore(steps: ReturnType<typeof stepOn>[], role: Role = 'admin'): RunCore {
  const facts: PlanKindFacts = {
    kind: 'set-degree',
    title: 'Degree',
    role,
    page: { path: '/set-degree', below: '/nodes' },
    offer: { hint: '' },
    commands: [],
  };
  const kind = serveKind(facts, {
    form: z.object({}),
    actions: commandActionTable,
    plan: (_, { context }) => makePlan(facts.kind, context, { title: 'Degree 5', command: '', steps }),
  });
  return createRunCore({ log: silentLog, usesOwnKeys: false, resumesAtStart: true }, { store, fleet, kinds: [kind] });
}

async function begin(steps: ReturnType<typeof stepOn>[], role?: Role): Promise<string> {
  core = makeCore(steps, role);
  const request = { kind: 'set-degree', form: {}, secrets: {}, signal: new AbortController().signal };
  return (await core.startRun(admin, (await core.makePlan(admin, request)).id, {})).id;
}

async function end(id: string) {
  await vi.waitFor(async () => {
    expect((await core.list(10)).find((run) => run.id === id)?.endedAt).not.toBeNull();
  });
  const { view, stop } = await core.subscribe(id, () => undefined);
  stop();
  return view;
}
const stepOf = ({ steps }: { steps: readonly StepView[] }, key: string) => steps.find((step) => step.key === key);
const linesOf = (node: string) =>
  degrees.mesh.lines.filter((line) => line.startsWith(`${node}: `)).map((line) => line.slice(node.length + 2));

describe('a plan of lines', () => {
  test('runs each on its node, keeps what each answered, and finds nothing to do the second time', async () => {
    const steps = [stepOn('node1'), stepOn('node2')];
    const view = await end(await begin(steps));
    expect(view).toMatchObject({ state: 'done', counts: { total: 2, done: 2 } });
    expect(Object.fromEntries(degrees.at)).toEqual({ node1: 5, node2: 5 });
    expect(linesOf('node2')).toEqual(['mesh status', 'mesh degree 5']);
    expect(stepOf(view, 'setDegree node2')?.result).toEqual({ answers: [{ node: 'node2', text: '', error: '' }] });
    await core.stop();
    expect((await end(await begin(steps))).steps.map(({ state }) => state)).toEqual(['unchanged', 'unchanged']);
    expect(linesOf('node2')).toEqual(['mesh status', 'mesh degree 5', 'mesh status']);
  });

  test('is taken back by its undo lines, on the nodes where it changed something', async () => {
    degrees.at.set('node1', 5);
    const id = await begin([stepOn('node1'), stepOn('node2')]);
    await end(id);
    await core.undo(admin, id);
    expect((await end(id)).steps.map(({ state }) => state)).toEqual(['unchanged', 'undone']);
    expect(Object.fromEntries(degrees.at)).toEqual({ node1: 5, node2: 3 });
  });

  test('runs with the role of its kind, and no more', async () => {
    const view = await end(await begin([stepOn('node1')], 'operator'));
    expect(stepOf(view, 'setDegree node1')).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/needs the role admin/) as string,
    });
    expect(degrees.at.size).toBe(0);
  });

  test('one node that answers with an error fails alone, and the error names it', async () => {
    degrees.instead.set('node1: mesh degree 5', () => [
      { Resp: [responseEntry('node1', { Error: 'no such degree' })] },
    ]);
    const view = await end(await begin([stepOn('node1'), stepOn('node2')]));
    expect(view.state).toBe('failed');
    expect(stepOf(view, 'setDegree node1')).toMatchObject({ state: 'failed', error: 'node1: no such degree' });
    expect(stepOf(view, 'setDegree node2')?.state).toBe('done');
    expect(degrees.at.get('node1')).toBeUndefined();
  });

  test('a line without a look is run again by a retry', async () => {
    const bare = commandStep({
      verb: 'setDegree',
      node: 'node1',
      cluster: 'c',
      title: '',
      why: '',
      undo: null,
      line: 'mesh degree 4',
    });
    degrees.instead.set('node1: mesh degree 4', () => [{ Resp: [responseEntry('node1', { Error: 'busy' })] }]);
    const id = await begin([bare]);
    expect((await end(id)).state).toBe('failed');
    degrees.instead.clear();
    await core.retry(admin, id, {});
    expect((await end(id)).state).toBe('done');
    expect(linesOf('node1')).toEqual(['mesh degree 4', 'mesh degree 4']);
  });
});

describe('a line whose end is not seen', () => {
  const never = () => new Promise<string>(() => undefined);

  test('is looked at again, and is done where the look says so', async () => {
    degrees.instead.set('node1: mesh degree 5', () => {
      degrees.at.set('node1', 5);
      return never();
    });
    const view = await end(await begin([stepOn('node1', { timeoutMs: 300 })]));
    expect(stepOf(view, 'setDegree node1')).toMatchObject({ state: 'done', error: '' });
    expect(linesOf('node1')).toEqual(['mesh status', 'mesh degree 5', 'mesh status']);
    expect(view.log.map(({ text }) => text).join('\n')).toMatch(/looking at it again[^]*a look shows/);
  });

  test('is looked at again when its node went away meanwhile', async () => {
    degrees.instead.set('node2: mesh degree 5', () => {
      degrees.at.set('node2', 5);
      degrees.mesh.kill('node2');
      // Its connections ended: nobody hears this.
      setTimeout(() => degrees.mesh.revive('node2'), 50);
      return never();
    });
    const view = await end(await begin([stepOn('node2')]));
    expect(stepOf(view, 'setDegree node2')).toMatchObject({ state: 'done' });
  });

  test('fails where the look says that it is not done, and a retry runs it again', async () => {
    degrees.instead.set('node1: mesh degree 5', never);
    const id = await begin([stepOn('node1', { timeoutMs: 300, lookForMs: 100 })]);
    expect(stepOf(await end(id), 'setDegree node1')).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/outcome is unknown; a look shows that it is not done/) as string,
    });
    degrees.instead.clear();
    await core.retry(admin, id, {});
    expect(stepOf(await end(id), 'setDegree node1')?.state).toBe('done');
  });

  test('is unknown where no look tells, and a retry looks before it does anything', async () => {
    degrees.instead.set('node1: mesh degree 5', () => {
      degrees.at.set('node1', 5);
      degrees.instead.set('node1: mesh status', () => 'not a table');
      return never();
    });
    const id = await begin([stepOn('node1', { timeoutMs: 300, lookForMs: 100 })]);
    expect(stepOf(await end(id), 'setDegree node1')).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/outcome is unknown .*a retry looks again/) as string,
    });
    degrees.instead.clear();
    await core.retry(admin, id, {});
    expect(stepOf(await end(id), 'setDegree node1')?.state).toBe('done');
    expect(linesOf('node1').filter((line) => line === 'mesh degree 5')).toHaveLength(1);
  });

  test('after a crash of the console is looked at, not run twice', async () => {
    let isSent: () => void = () => undefined;
    const sent = new Promise<void>((resolve) => (isSent = resolve));
    degrees.instead.set('node1: mesh degree 5', () => {
      degrees.at.set('node1', 5);
      isSent();
      return never();
    });
    const steps = [stepOn('node1')];
    const id = await begin(steps);
    await sent;
    await core.stop();
    core = makeCore(steps);
    await core.start();
    expect(stepOf(await end(id), 'setDegree node1')).toMatchObject({ state: 'done' });
    expect(linesOf('node1').filter((line) => line === 'mesh degree 5')).toHaveLength(1);
    // It is this run's work, so that its undo takes it back.
    degrees.instead.clear();
    await core.undo(admin, id);
    expect((await end(id)).state).toBe('undone');
    expect(degrees.at.get('node1')).toBe(3);
  });

  test('is cancelled on its node when the run is', async () => {
    let isSent: () => void = () => undefined;
    const sent = new Promise<void>((resolve) => (isSent = resolve));
    degrees.instead.set('node1: mesh degree 5', () => {
      isSent();
      return never();
    });
    const id = await begin([stepOn('node1'), stepOn('node2', { needs: ['setDegree node1'] })]);
    await sent;
    await core.cancel(admin, id);
    const view = await end(id);
    expect(view.state).toBe('cancelled');
    expect(view.steps.map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
    expect(linesOf('node2')).toEqual([]);
  });
});

test('a look that tells nothing stops the step before anything is done', async () => {
  degrees.instead.set('node1: mesh status', () => 'not a table');
  const view = await end(await begin([stepOn('node1')]));
  expect(stepOf(view, 'setDegree node1')).toMatchObject({
    state: 'failed',
    error: expect.stringMatching(/nothing was done: .*no table with the column degree/) as string,
  });
  expect(linesOf('node1')).toEqual(['mesh status']);
});
