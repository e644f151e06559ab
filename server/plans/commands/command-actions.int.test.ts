// Steps that are lines, on two real meshds of this machine, reached by their command sockets.
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type LocalNodes, makeIdentities } from '../../../bench/identities.ts';
import { fleetFromSnapshot } from '../../../core/fleet-view.ts';
import { commandStep } from '../../../core/plans/commands/actions.ts';
import type { PlanKindFacts } from '../../../core/plans/plan-kind.ts';
import { makePlan } from '../../../core/plans/step.ts';
import { type Child, startChild } from '../../../host/child.ts';
import { createFleet } from '../../fleet/create-fleet.ts';
import type { Caller, Fleet } from '../../ports.ts';
import type { RunCore } from '../../runs/run-core.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { silentLog } from '../../parts-for-tests.ts';
import { createRunCore } from '../create-runs.ts';
import { serveKind } from '../plan-kind.ts';
import { commandActionTable } from './command-actions.ts';

const program = new URL('../../../agent/main.ts', import.meta.url).pathname;
const firstPort = 17_500;
const admin: Caller = { userId: 'u1', name: 'Ann', role: 'admin' };
const degreeKind: PlanKindFacts = {
  kind: 'set-degree',
  title: 'Degree',
  role: 'admin',
  page: { path: '/set-degree', below: '/nodes' },
  offer: { hint: '' },
  commands: [],
};

let identities: LocalNodes;
const children: Child[] = [];
let fleet: Fleet;
let core: RunCore;

beforeAll(async () => {
  identities = await makeIdentities(2, firstPort);
  for (const { base, port } of identities.nodes) {
    const flags = ['-base', base, '-port', String(port), '-degree', '1', '-context', 'bench', '-nostdin', '-force'];
    children.push(await startChild([process.execPath, program, ...flags], { diesWithParent: true }));
  }
});
afterAll(async () => {
  await Promise.all(children.map((child) => child.stop()));
  await identities.remove();
});
beforeEach(async () => {
  const store = createMemoryStore();
  const socketPaths = identities.nodes.map(({ base }) => join(base, 'meshd'));
  await store.clusters.put({ id: 'local', context: 'bench', engine: 'meshd', socketPaths, addedAt: 0 });
  fleet = createFleet({ log: silentLog }, { store });
  await fleet.start();
  await vi.waitFor(() => {
    const { clusters, nodes } = fleetFromSnapshot(fleet.snapshot());
    expect(clusters[0]?.State).toBe('live');
    expect([...nodes.values()].filter(({ State }) => State === 'member')).toHaveLength(2);
  });
  const steps = identities.nodes.map(({ name }) =>
    commandStep({
      verb: 'setDegree',
      node: name,
      cluster: 'local',
      title: 'Hold 2 links',
      why: 'A test says so.',
      line: 'mesh degree 2',
      look: { line: 'mesh status', where: { degree: '2' }, wants: 'a row' },
      undo: { line: 'mesh degree 1' },
      timeoutMs: 60_000,
    }),
  );
  const kind = serveKind(degreeKind, {
    form: z.object({}),
    actions: commandActionTable,
    plan: (_, { context }) => makePlan(degreeKind.kind, context, { title: 'Degree 2', command: '', steps }),
  });
  core = createRunCore({ log: silentLog, usesOwnKeys: false, resumesAtStart: true }, { store, fleet, kinds: [kind] });
});
afterEach(async () => {
  await core.stop();
  await fleet.stop();
});

async function begin(): Promise<string> {
  const request = { kind: 'set-degree', form: {}, secrets: {}, signal: new AbortController().signal };
  return (await core.startRun(admin, (await core.makePlan(admin, request)).id, {})).id;
}
async function end(id: string) {
  await vi.waitFor(
    async () => {
      expect((await core.list(10)).find((run) => run.id === id)?.endedAt).not.toBeNull();
    },
    { timeout: 120_000, interval: 50 },
  );
  const { view, stop } = await core.subscribe(id, () => undefined);
  stop();
  return view;
}
const statesOf = (view: Awaited<ReturnType<typeof end>>) => view.steps.map(({ state }) => state);
async function degreeOf(node: string): Promise<string> {
  let shown = '';
  await fleet.runCommand({
    cluster: 'local',
    node,
    line: 'mesh status',
    session: '',
    timeoutMs: 60_000,
    caller: admin,
    signal: new AbortController().signal,
    onAnswer: ({ Resp }) => {
      const [entry] = Resp ?? [];
      shown = entry?.Tabular?.[0]?.[entry.Header?.indexOf('degree') ?? -1] ?? '';
    },
  });
  return shown;
}

test('lines are run on both nodes, found done the second time, and taken back', async () => {
  const id = await begin();
  const first = await end(id);
  expect(first.state, JSON.stringify(first.steps)).toBe('done');
  expect(statesOf(first)).toEqual(['done', 'done']);
  const names = identities.nodes.map(({ name }) => name);
  // Both call themselves as this machine does.
  for (const { result } of first.steps) expect(result).toMatchObject({ answers: [{ error: '' }] });
  expect(await Promise.all(names.map(degreeOf))).toEqual(['2', '2']);
  expect(statesOf(await end(await begin()))).toEqual(['unchanged', 'unchanged']);
  await core.undo(admin, id);
  expect(statesOf(await end(id))).toEqual(['undone', 'undone']);
  expect(await Promise.all(names.map(degreeOf))).toEqual(['1', '1']);
});

test('a node that hangs is its own failure, and a retry does what is left', async () => {
  children[1]!.kill('SIGSTOP');
  const id = await begin();
  const view = await end(id);
  expect(statesOf(view)).toEqual(['done', 'failed']);
  expect(view.steps[1]?.error).not.toBe('');
  children[1]!.kill('SIGCONT');
  await expect.poll(() => degreeOf(identities.nodes[1]!.name)).toBe('1');
  await core.retry(admin, id, {});
  const again = await end(id);
  expect(statesOf(again), JSON.stringify(again.steps)).toEqual(['done', 'done']);
});
