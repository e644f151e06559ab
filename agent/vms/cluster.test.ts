// VMs of several nodes, over a mesh in memory: launches on other nodes, and what every node knows of the others' VMs.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterKinds, taps as tapsKind, vms as vmsKind, type VmRow } from '../../contract/cluster-kinds.ts';
import type { Kind } from '../../contract/kinds.ts';
import type { WatchMessage } from '../../contract/watch-messages.ts';
import { changedRows } from '../../core/rows.ts';
import { removeNode } from '../../core/mesh/roster.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { ClusterRows } from '../rows/cluster-rows.ts';
import type { RowSink } from '../rows/source.ts';
import { createWatchedRows } from '../rows/watched-rows.ts';
import { followLostVms, tapSource, vmSource } from '../rows/vm-rows.ts';
import { VmDirectory } from './directory.ts';
import type { NodeVms } from './node-vms.ts';
import { VmHosts } from './remote-vm-host.ts';
import { launchOf, never, plan, SimulatedMachine } from './simulated-vms.ts';

const named = { signal: never, target: 'named' } as const;

interface Node {
  readonly machine: SimulatedMachine;
  vms: NodeVms;
  directory: VmDirectory;
  hosts: VmHosts;
}

let clock: VirtualClock;
let simulation: Simulation;
let nodes: Node[];

beforeEach(async () => {
  clock = new VirtualClock();
  simulation = await Simulation.create({ size: 3, degree: 2 }, { clock, random: seededRandom(11) });
  await simulation.startAll();
  nodes = [];
  for (const index of [0, 1, 2]) {
    const name = simulation.node(index).name;
    // Each node has its own -filepath, as simulated ones do.
    nodes.push(await startNode(index, new SimulatedMachine({ clock, name, root: `/${name}/files` })));
  }
  await reached(() => simulation.isSettled());
});
afterEach(async () => {
  for (const { vms, directory } of nodes) {
    await directory.stop();
    await vms.stop();
  }
  await simulation.stopAll();
});

async function startNode(index: number, machine: SimulatedMachine): Promise<Node> {
  const mesh = simulation.mesh(index);
  const roster = simulation.stores[index];
  if (!roster) throw new Error('a started node has a roster');
  const vms = await machine.start();
  const hosts = new VmHosts({ mesh, own: vms, root: machine.images.root });
  const log = { warn: (text: string) => void machine.log.push(text) };
  const directory = await VmDirectory.open(10_000, {
    ...{ mesh, roster, clock, log },
    ...{ random: seededRandom(index + 1), store: machine.disk, local: vms },
  });
  directory.start();
  return { machine, vms, directory, hosts };
}

const node = (index: number): Node => {
  const found = nodes[index];
  if (!found) throw new RangeError(`no node ${index}`);
  return found;
};
const id = (index: number) => simulation.node(index).id;

async function reached(isDone: () => boolean, maxMs = 120_000): Promise<void> {
  if ((await clock.advanceUntil(isDone, maxMs)) === null) throw new Error(`not within ${maxMs} ms of mesh time`);
}
/** Messages of watchers come in real time. */
async function reachedSoon(isDone: () => boolean): Promise<void> {
  await expect
    .poll(async () => {
      await clock.advance(100, 50);
      return isDone();
    })
    .toBe(true);
}
/** What becomes of a promise while time passes. */
async function passing<T>(promise: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => (isOver = true);
  promise.then(end, end);
  await reached(() => isOver);
  return promise;
}
const names = (at: number, of: number) =>
  node(at)
    .directory.of(id(of))
    .map(({ name }) => name);
const lostNames = (at: number) =>
  node(at)
    .directory.lost('minimega')
    .map(({ name, host, state }) => `${name} on ${host}: ${state}`);

describe('H1 to H5 a launch on another node', () => {
  it('surveys, holds, launches there and releases; paths are of that node', async () => {
    const host = node(0).hosts.of(id(1));
    const disks = [{ path: '/node1/files/disk.qcow2', interface: null, cache: null }];
    const vm = plan('a', { disks }, [101]);
    const survey = await passing(
      host.survey({ namespace: 'minimega', configs: [vm.config, plan('b', { cpu: 'odd' }).config] }, { signal: never }),
    );
    expect(survey.host).toMatchObject({ name: 'node2', cpus: 4 });
    expect(survey.issues.map(({ config }) => config)).toEqual([1]);
    const hold = {
      launch: 'one',
      namespace: 'minimega',
      vms: [{ name: 'a', uuid: vm.uuid, macs: vm.config.networks.map(({ mac }) => mac) }],
      here: [{ name: 'a', vcpus: 1, memoryMb: 128, nets: 1 }],
    };
    await passing(host.hold(hold, { signal: never }));
    // Another node's launch of the same id is another launch.
    await expect(passing(node(2).hosts.of(id(1)).hold(hold, { signal: never }))).rejects.toMatchObject({
      code: 'conflict',
      detail: { vms: { a: 'vm already exists with name `a`' } },
    });
    const progress: string[] = [];
    const launched = await passing(
      host.launch(launchOf([vm], 'one'), {
        signal: never,
        onProgress: (done, text) => void progress.push(`${done} ${text}`),
      }),
    );
    expect(launched.map(({ name, error, vm: record }) => [name, error, record?.host, record?.state])).toEqual([
      ['a', '', 'node2', 'BUILDING'],
    ]);
    expect(node(1).vms.list(null)[0]?.config.disks[0]?.path).toBe('/node2/files/disk.qcow2');
    expect(progress).toEqual(['1 a: launched']);
    await passing(host.release('one'));
  });

  it('a member cannot name a file outside of -filepath', async () => {
    const host = node(0).hosts.of(id(1));
    for (const path of ['/etc/shadow', '/node1/files/../../etc/shadow']) {
      const launched = await passing(host.launch(launchOf([plan('a', { kernel: path })], 'one'), { signal: never }));
      expect(launched[0]).toMatchObject({ vm: null });
      expect(launched[0]?.error).toMatch(/name files from -filepath on|no `\.\.`/);
    }
    expect(node(1).vms.list(null)).toEqual([]);
  });

  it('when the node that launches is gone, what is not started yet is given up', async () => {
    const waiting = Promise.withResolvers<undefined>();
    node(1).machine.fetches.set('data.raw', waiting.promise);
    const disks = [{ path: '/node1/files/data.raw', interface: null, cache: null }];
    void node(0)
      .hosts.of(id(1))
      .launch(launchOf([plan('a', { disks }, [101])], 'one'), { signal: never });
    await reached(() => node(1).vms.list(null).length === 1);
    simulation.kill(0);
    await reached(() => node(1).vms.list(null).length === 0);
    expect(node(1).machine.taps()).toEqual([]);
  });

  it('a node that leaves in the middle: nobody knows, and the answer says so', async () => {
    const waiting = Promise.withResolvers<undefined>();
    node(1).machine.fetches.set('data.raw', waiting.promise);
    const disks = [{ path: '/node1/files/data.raw', interface: null, cache: null }];
    const pending = node(0)
      .hosts.of(id(1))
      .launch(launchOf([plan('a', { disks })], 'one'), { signal: never });
    await reached(() => node(1).vms.list(null).length === 1);
    simulation.kill(1);
    const [launched] = await passing(pending);
    expect(launched?.error).toMatch(/left the mesh before it answered; what became of a is not known/);
    waiting.resolve(undefined);
  });
});

describe('H7 to H10 what every node knows of the VMs of others', () => {
  it('names, networks and tags reach all; states do not count as a change', async () => {
    await node(1).vms.launch(launchOf([plan('a', { tags: { role: 'web' } }, [101]), plan('b')]), { signal: never });
    await reached(() => [0, 1, 2].every((at) => names(at, 1).join() === 'a,b'));
    expect(node(0).directory.of(id(1))[0]).toMatchObject({
      name: 'a',
      namespace: 'minimega',
      tags: { role: 'web' },
      nets: [{ alias: 'alpha', vlan: 101, bridge: 'mega_bridge' }],
    });
    let changes = 0;
    node(0).directory.onChange(() => (changes += 1));
    await node(1).vms.act([0], { action: 'start' }, named);
    await node(1).vms.act([0], { action: 'stop' }, named);
    await clock.advance(20_000, 1_000);
    // The start is new: it has another time.
    expect(changes).toBeLessThanOrEqual(1);
    await node(1).vms.act([0], { action: 'kill' }, named);
    await node(1).vms.act([0], { action: 'flush' }, named);
    await reached(() => [0, 2].every((at) => names(at, 1).join() === 'b'));
  });

  it('VMs of a node that is gone are LOST, until it is back and says what it has', async () => {
    await node(1).vms.launch(launchOf([plan('a', {}, [101])]), { signal: never });
    await reached(() => names(0, 1).length === 1);
    expect(lostNames(0)).toEqual([]);
    simulation.kill(1);
    await reached(() => lostNames(0).length === 1);
    expect(lostNames(0)).toEqual(['a on node2: LOST']);
    // Its names stay taken.
    expect(node(0).directory.listed('minimega')).toMatchObject([{ name: 'a', host: 'node2' }]);
    expect(node(0).directory.lost('other')).toEqual([]);
    await simulation.start(1);
    await reached(() => lostNames(0).length === 0);
  });

  it('VMs of a node that dies as soon as their launch is answered are LOST, all of them', async () => {
    const vms = ['a', 'b', 'c'].map((name) => plan(name, {}, [101]));
    await passing(node(0).hosts.of(id(1)).launch(launchOf(vms), { signal: never }));
    simulation.kill(1);
    await reached(() => lostNames(0).length > 0);
    expect(lostNames(0)).toEqual(['a on node2: LOST', 'b on node2: LOST', 'c on node2: LOST']);
  });

  it('a node that was away, and one that was killed, learn what they missed', async () => {
    await node(1).vms.launch(launchOf([plan('a')]), { signal: never });
    await reached(() => names(2, 1).length === 1);
    // It writes down what others have.
    await clock.advance(15_000, 1_000);
    await node(2).directory.stop();
    simulation.kill(2);
    simulation.kill(1);
    await node(0).vms.launch(launchOf([plan('c')]), { signal: never });
    await simulation.start(2);
    node(2).machine.crash();
    nodes[2] = await startNode(2, node(2).machine);
    // What it wrote down, and what it learns from the node that is there.
    expect(lostNames(2)).toEqual(['a on node2: LOST']);
    await reached(() => names(2, 0).join() === 'c');
  });
});

describe('rows', () => {
  const rowsOf = () => {
    const rows = new ClusterRows(clusterKinds);
    const shown = () => [...rows.table(vmsKind).values()].map(({ Name, State }) => `${Name} ${State}`);
    return { rows, shown };
  };

  it('of this node follow its VMs; a tap tells what the switch does and what the guest says', async () => {
    const { rows, shown } = rowsOf();
    const { vms, machine } = node(0);
    const sink = (kind: Kind): RowSink => ({
      put: (change) => rows.put(kind, change),
      drop: (key) => rows.drop(kind, key),
    });
    const view = machine.network.host();
    const ports = {
      state: () => ({ bridges: [], ports: [], hostTaps: [], mirrors: [], faults: [] }),
      onChange: () => () => undefined,
    };
    const ends = [
      vmSource(id(0), vms).start(sink(vmsKind), rows),
      tapSource(id(0), { local: vms, ports }).start(sink(tapsKind), rows),
    ];
    await vms.launch(launchOf([plan('a', { tags: { role: 'web' } }, [101])]), { signal: never });
    await vms.act([0], { action: 'start' }, named);
    const mac = vms.list(null)[0]?.nets[0]?.mac ?? '';
    expect(view.view().links.has('mega_tap0')).toBe(true);
    machine.network.say('mega_tap0', mac, '10.0.0.7');
    await expect
      .poll(() => [...rows.table(tapsKind).values()])
      .toMatchObject([
        { Name: 'mega_tap0', Vm: 0, Nic: 0, Vlan: 101, Alias: 'alpha', Mac: mac, Ip4: '10.0.0.7', Fault: '' },
      ]);
    expect([...rows.table(vmsKind).values()]).toMatchObject([
      { Name: 'a', State: 'RUNNING', Vlans: [101], Tags: ['role=web'], Memory: 128 },
    ]);
    await vms.act([0], { action: 'kill' }, named);
    expect(shown()).toEqual(['a QUIT']);
    await vms.act([0], { action: 'flush' }, named);
    expect(shown()).toEqual([]);
    await expect.poll(() => rows.table(tapsKind).size).toBe(0);
    for (const end of ends) end();
  });

  it('of a node that is gone say LOST, also to one who begins to look then, and go with the node from the roster', async () => {
    await node(1).vms.launch(launchOf([plan('a')]), { signal: never });
    await reached(() => names(0, 1).length === 1);
    const { rows, shown } = rowsOf();
    const follow = () => followLostVms(rows, { mesh: simulation.mesh(0), directory: node(0).directory });
    let end = follow();
    expect(shown()).toEqual([]);
    simulation.kill(1);
    await reached(() => shown().length === 1);
    expect(shown()).toEqual(['a LOST']);
    end();
    expect(shown()).toEqual([]);
    end = follow();
    expect(shown()).toEqual(['a LOST']);
    const without = removeNode(simulation.initial.roster, id(1));
    if (!without.ok) throw new Error(without.message);
    simulation.stores[0]?.apply(simulation.authority.sign(without.roster));
    await reached(() => shown().length === 0);
    expect(node(0).directory.of(id(1))).toEqual([]);
    end();
  });

  it('reach a watcher on another node: the VM, that it is lost, and what became of it when its node is back', async () => {
    const watchedRows = (index: number) => {
      const { vms, directory } = node(index);
      const roster = simulation.stores[index];
      if (!roster) throw new Error('a started node has a roster');
      const mesh = simulation.mesh(index);
      return createWatchedRows(
        { nodeId: id(index), version: '1', cluster: 'c', context: 'lab', kinds: clusterKinds },
        {
          ...{ mesh, roster, clock },
          sources: [vmSource(id(index), vms)],
          followers: [(rows) => followLostVms(rows, { mesh, directory })],
        },
      );
    };
    let other = watchedRows(1);
    const own = watchedRows(0);
    let seen: ReadonlyMap<string, VmRow> = new Map();
    own.watch.subscribe({ kinds: ['vms'] }, (message) => {
      const { Watch, Kinds } = message as WatchMessage;
      const change = Kinds['vms'] ?? { put: [], gone: [] };
      seen = changedRows(vmsKind, Watch === 'begin' ? new Map<string, VmRow>() : seen, change);
    });
    const shown = () => [...seen.values()].map(({ Name, State, Node }) => `${Name} ${State} ${Node === id(1)}`);
    await node(1).vms.launch(launchOf([plan('a'), plan('b')]), { signal: never });
    await node(1).vms.act([0], { action: 'start' }, named);
    await reachedSoon(() => shown().join() === 'a RUNNING true,b BUILDING true');
    await reached(() => names(0, 1).length === 2);
    simulation.kill(1);
    other.stop();
    await reachedSoon(() => shown().join() === 'a LOST true,b LOST true');
    await node(1).vms.act([1], { action: 'kill' }, named);
    await node(1).vms.act([1], { action: 'flush' }, named);
    await simulation.start(1);
    other = watchedRows(1);
    await reachedSoon(() => shown().join() === 'a RUNNING true');
    own.stop();
    other.stop();
  });
});
