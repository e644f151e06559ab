// A launch on four real meshds with their mesh, reached by their command sockets; QEMU, Open vSwitch and the machines are in memory.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Plan } from '../../../contract/plans.ts';
import type { ResponseEntry } from '../../../contract/command-socket.ts';
import { fleetFromSnapshot } from '../../../core/fleet-view.ts';
import { describeLaunch, shapeOf } from '../../../core/plans/vms/sentence.ts';
import { type SimulatedNodes, startSimulatedNodes } from '../../../scripts/simulated.ts';
import { createFleet } from '../../fleet/create-fleet.ts';
import type { Caller, Fleet } from '../../ports.ts';
import type { RunCore } from '../../runs/run-core.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { silentLog } from '../../parts-for-tests.ts';
import { createRunCore } from '../create-runs.ts';

const ann: Caller = { userId: 'u1', name: 'Ann', role: 'operator' };
let nodes: SimulatedNodes;
let fleet: Fleet;
let core: RunCore;

beforeAll(async () => {
  nodes = await startSimulatedNodes(4, () => undefined);
});
afterAll(() => nodes.stop());
beforeEach(async () => {
  const store = createMemoryStore();
  const [socketPath = ''] = nodes.sockets;
  await store.clusters.put({
    id: 'local',
    context: 'simulated',
    engine: 'meshd',
    socketPaths: [socketPath],
    addedAt: 0,
  });
  fleet = createFleet({ log: silentLog }, { store });
  await fleet.start();
  core = createRunCore({ log: silentLog, usesOwnKeys: false, resumesAtStart: true }, { store, fleet });
  await vi.waitFor(() => {
    const view = fleetFromSnapshot(fleet.snapshot());
    expect([...view.nodes.values()].filter(({ State }) => State === 'member')).toHaveLength(4);
  });
});
afterEach(async () => {
  await core.stop();
  await fleet.stop();
});

function plan(change: Record<string, unknown> = {}): Promise<Plan> {
  const form = {
    namespace: 'lab',
    names: 'web[1-8]',
    memory: 64,
    disks: ['web.qcow2'],
    networks: ['lan', 'dmz'],
    nodes: 'node[1-4]',
    place: 'spread',
    ...change,
  };
  return core.makePlan(ann, { kind: 'launch', form, secrets: {}, signal: new AbortController().signal });
}

async function end(id: string) {
  await vi.waitFor(
    async () => {
      expect((await core.list(10)).find((run) => run.id === id)?.endedAt).not.toBeNull();
    },
    { timeout: 60_000, interval: 50 },
  );
  const { view, stop } = await core.subscribe(id, () => undefined);
  stop();
  return view;
}

async function ask(line: string): Promise<ResponseEntry[]> {
  const entries: ResponseEntry[] = [];
  await fleet.runCommand({
    cluster: 'local',
    node: '',
    line,
    session: '',
    timeoutMs: 30_000,
    caller: ann,
    signal: new AbortController().signal,
    onAnswer: ({ Resp }) => entries.push(...(Resp ?? [])),
  });
  return entries;
}

const vmsOf = async (namespace: string) =>
  (await ask(`namespace ${namespace} vm state all`)).flatMap(({ Host, Tabular }) =>
    (Tabular ?? []).map(([name, , state]) => `${Host}: ${name ?? ''} ${state ?? ''}`),
  );
const namespaces = async () => (await ask('namespace')).flatMap(({ Tabular }) => (Tabular ?? []).map(([name]) => name));

test('eight VMs on two VLANs, from the form to RUNNING; the undo leaves nothing', async () => {
  const made = await plan();
  const shape = shapeOf(made);
  expect(describeLaunch(shape)).toMatch(
    /^8 VMs, .*, on VLANs lan \(new\) and dmz \(new\); .*web\.qcow2.* copied to node\[2-4\]\.$/,
  );
  expect(await namespaces()).toEqual(['minimega']);

  const { id } = await core.startRun(ann, made.id, {});
  const done = await end(id);
  expect(done.state, JSON.stringify(done.steps.filter(({ error }) => error !== ''))).toBe('done');
  const expected = [...shape.byNode].flatMap(([node, names]) => names.map((name) => `${node}: ${name} RUNNING`));
  expect((await vmsOf('lab')).sort()).toEqual(expected.sort());
  const [vlans] = await ask('namespace lab vlans');
  expect(vlans?.Tabular?.map(([alias]) => alias).sort()).toEqual(['dmz', 'lan']);

  await core.undo(ann, id);
  const undone = await end(id);
  expect(undone.state, JSON.stringify(undone.steps.filter(({ error }) => error !== ''))).toBe('undone');
  expect(await namespaces()).toEqual(['minimega']);
  await vi.waitFor(() => {
    const now = fleetFromSnapshot(fleet.snapshot()).rows;
    expect(now.get('vms')?.size ?? 0).toBe(0);
    expect(now.get('vlans')?.size ?? 0).toBe(0);
  });
});

test('a failure half-way names its VMs and stops the rest; the undo leaves what others made', async () => {
  const made = await plan({ namespace: 'exp', names: 'db[1-8]' });
  // Somebody is quicker with one of the names, on the node of the second wave.
  const [, second = ''] = made.waves.flat();
  const [taken = ''] = shapeOf(made).byNode.get(second) ?? [];
  await ask('namespace exp ns add-hosts node[1-4]');
  await ask(`namespace exp vm launch kvm ${taken} with memory=16 kernel=vmlinuz schedule=${second}`);
  const { id } = await core.startRun(ann, made.id, {});
  const failed = await end(id);
  expect(failed.state).toBe('failed');
  const step = failed.steps.find(({ key }) => key === `launchVms ${second}`);
  expect(step?.error).toContain(`vm already exists with name \`${taken}\``);
  const left = failed.steps.filter(({ state }) => state === 'skipped').map(({ key }) => key);
  expect(left).toContain(`startVms ${second}`);
  expect(left).toContain(`launchVms ${made.waves.flat().at(-1) ?? ''}`);

  await core.undo(ann, id);
  expect((await end(id)).state).toBe('undone');
  expect(await vmsOf('exp')).toEqual([`${second}: ${taken} BUILDING`]);
  expect(await namespaces()).toEqual(['minimega', 'exp']);
});
