// The launch wizard's plan on a minimega cluster: the double of lab/minimega, which keeps host errors to itself as minimega does.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CommandClient } from '../../../contract/command-client.ts';
import { fleetFromSnapshot } from '../../../core/fleet-view.ts';
import { connectSocket, socketTransport } from '../../../host/command-socket.ts';
import { DoubleMinimega } from '../../../lab/minimega/double.ts';
import { createFleet } from '../../fleet/create-fleet.ts';
import type { Caller, Fleet } from '../../ports.ts';
import type { RunCore } from '../../runs/run-core.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { silentLog } from '../../parts-for-tests.ts';
import { createRunCore } from '../create-runs.ts';

const ann: Caller = { userId: 'u1', name: 'Ann', role: 'operator' };
let folder = '';
let double: DoubleMinimega;
let fleet: Fleet;
let core: RunCore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'double-'));
  double = await DoubleMinimega.start({ folder, names: ['node1', 'node2', 'node3'] });
  const store = createMemoryStore();
  const socketPaths = [double.socketOf('node1')];
  await store.clusters.put({ id: 'mini', context: 'john', engine: 'minimega', socketPaths, addedAt: 0 });
  fleet = createFleet({ log: silentLog }, { store });
  await fleet.start();
  core = createRunCore({ log: silentLog, usesOwnKeys: false, resumesAtStart: true }, { store, fleet });
  await vi.waitFor(() => expect([...view().nodes.values()]).toHaveLength(3), { timeout: 20_000 });
});
afterAll(async () => {
  await core.stop();
  await fleet.stop();
  await double.stop();
  await rm(folder, { recursive: true, force: true });
});

const view = () => fleetFromSnapshot(fleet.snapshot());
const vmsOf = (name: string) => (double.nodes.get(name)?.vms ?? []).map((vm) => `${vm.name} ${vm.state}`);

function planOf(change: Record<string, unknown>) {
  const form = { namespace: 'lab', memory: 64, disks: ['web.qcow2'], networks: ['lan'], nodes: 'node[1-2]', ...change };
  return core.makePlan(ann, { kind: 'launch', form, secrets: {}, signal: AbortSignal.timeout(60_000) });
}

async function launch(change: Record<string, unknown>) {
  const plan = await planOf(change);
  const { id } = await core.startRun(ann, plan.id, {});
  return end(id);
}

async function end(id: string) {
  await vi.waitFor(async () => expect((await core.list(10)).find((run) => run.id === id)?.endedAt).not.toBeNull(), {
    timeout: 60_000,
    interval: 50,
  });
  const { view: run, stop } = await core.subscribe(id, () => undefined);
  stop();
  return run;
}

test('VMs on two nodes, from the form to RUNNING; the undo leaves nothing', async () => {
  const done = await launch({ names: 'web[1-4]' });
  expect(done.state, JSON.stringify(done.steps.filter(({ error }) => error !== ''))).toBe('done');
  for (const name of ['node1', 'node2']) {
    expect(vmsOf(name)).toHaveLength(2);
    for (const vm of vmsOf(name)) expect(vm).toMatch(/^web\d 2$/);
  }
  expect(vmsOf('node3')).toEqual([]);
  await vi.waitFor(
    () => {
      const rows = [...(view().rows.get('vms')?.values() ?? [])];
      expect(rows.map((row) => row['State'])).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING']);
      expect(new Set(rows.map((row) => String(row['Vlans'])))).toEqual(new Set(['101']));
    },
    { timeout: 30_000 },
  );
  await core.undo(ann, done.id);
  const undone = await end(done.id);
  expect(undone.state, JSON.stringify(undone.steps.filter(({ error }) => error !== ''))).toBe('undone');
  expect([...vmsOf('node1'), ...vmsOf('node2')]).toEqual([]);
  expect([...(double.nodes.get('node1')?.namespaces.keys() ?? [])]).toEqual(['minimega']);
});

test('what a host keeps to itself is said of each VM', async () => {
  const failed = await launch({ namespace: 'exp', names: 'bad[1-2]', disks: ['broken.qcow2'], nodes: 'node2' });
  expect(failed.state).toBe('failed');
  const step = failed.steps.find(({ key }) => key === 'launchVms node2');
  expect(step?.error).toContain('broken.qcow2: no such file');
});

test('the commands of a plan are minimega’s, and do the same when somebody types them', async () => {
  const { steps } = await planOf({
    namespace: 'typed',
    names: 'typed[1-2]',
    tags: { role: 'web' },
    vlans: { lan: 300 },
  });
  const commands = steps.flatMap(({ preview }) => preview.map(({ text }) => text));
  const client = new CommandClient(
    { canCancel: false },
    { transport: socketTransport(await connectSocket(double.socketOf('node1'))) },
  );
  for (const command of commands) {
    const [, line = ''] = /^minimega -e '?(.*?)'?$/.exec(command) ?? [];
    for await (const { Resp } of client.command(line))
      expect((Resp ?? []).flatMap(({ Error: error }) => (error === '' ? [] : [`${line}: ${error}`]))).toEqual([]);
  }
  client.close();
  expect(
    vmsOf('node1')
      .concat(vmsOf('node2'))
      .filter((vm) => vm.startsWith('typed'))
      .sort(),
  ).toEqual(['typed1 2', 'typed2 2']);
  const [vm] = [...(double.nodes.get('node1')?.vms ?? [])].filter(({ name }) => name.startsWith('typed'));
  expect(vm).toMatchObject({ memory: 64, nets: [{ alias: 'lan', vlan: 300 }] });
});
