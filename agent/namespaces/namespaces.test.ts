// Namespaces of some nodes over the simulated mesh: every node shows the same ones with the same hosts, and a cleared one is gone everywhere.
import { afterEach, expect, test, vi } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { maxNamespaces } from '../../contract/limits.ts';
import { admitNode, revokeNode } from '../../core/mesh/roster.ts';
import { simulatedNode } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedNamespaces } from './simulated-namespaces.ts';

let nodes: SimulatedNamespaces;
async function cluster(size = 4): Promise<SimulatedNamespaces> {
  nodes = await SimulatedNamespaces.create({ size }, new VirtualClock());
  return nodes;
}
afterEach(() => nodes.stopAll());

const messageOf = (outcome: unknown) => (outcome instanceof AppError ? outcome.message : JSON.stringify(outcome));
/** What is left, by node, and which namespaces stay. */
async function cleared(index: number, name: string | null) {
  const report = await nodes.clear(index, name);
  if (report instanceof AppError) throw report;
  const left = [...report.nodes]
    .filter(([, texts]) => texts.length > 0)
    .map(([node, texts]) => `${node}: ${texts.join()}`);
  return { left, cluster: report.cluster, staying: report.staying };
}

test('N1 a namespace that one node mentions shows on every node, with the same hosts: all but that node', async () => {
  await cluster();
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.agreed();
  expect(nodes.text(3)).toBe('exp=node2,node3,node4/cpucommit');
  await nodes.run(nodes.at(1).mention('exp'));
  expect(nodes.text(1)).toBe('exp=node2,node3,node4/cpucommit');
});

test('N1 a node that is alone in its cluster is the host, and stays it when others come', async () => {
  await cluster(1);
  await nodes.run(nodes.at(0).mention('exp'));
  expect(nodes.text(0)).toBe('exp=node1/cpucommit');
  nodes.sim.edit((roster) => admitNode(roster, simulatedNode(2)));
  await nodes.start(1);
  await nodes.agreed();
  expect(nodes.text(1)).toBe('exp=node1/cpucommit');
});

test('N1 hosts are added and taken out on any node; all others means later ones too', async () => {
  await cluster();
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.agreed();
  await nodes.run(nodes.at(2).deleteHosts('exp', nodes.members(1)));
  await nodes.agreed();
  expect(nodes.text(0)).toBe('exp=node3,node4/cpucommit');
  await nodes.run(nodes.at(0).addHosts('exp', nodes.members(0, 1)));
  await nodes.agreed();
  expect(nodes.text(3)).toBe('exp=node1,node2,node3,node4/cpucommit');
  await nodes.run(nodes.at(3).deleteHosts('exp', 'all'));
  expect(nodes.at(3).hosts('exp')).toEqual([]);
  await nodes.run(nodes.at(3).addHosts('exp', 'all'));
  await nodes.run(nodes.at(3).setLoad('exp', 'memcommit'));
  nodes.sim.edit((roster) => admitNode(roster, simulatedNode(5)));
  await nodes.start(4);
  await nodes.agreed();
  expect(nodes.text(4)).toBe('exp=node1,node2,node3,node5/memcommit');
});

test('N1 a node that leaves the roster leaves all namespaces, and one that is away stays in them', async () => {
  await cluster();
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.run(nodes.at(0).addHosts('exp', nodes.members(0)));
  await nodes.agreed();
  nodes.kill(2);
  nodes.sim.edit((roster) => revokeNode(roster, nodes.sim.node(3).id));
  await nodes.clock.advance(10_000);
  expect(nodes.text(0)).toBe('exp=node1,node2,node3/cpucommit');
  expect(nodes.text(1)).toBe('exp=node1,node2,node3/cpucommit');
  expect(nodes.at(0).isInMesh(nodes.sim.node(2).id)).toBe(false);
});

test('N1 the default namespace is of each node, with that node as its host', async () => {
  await cluster(2);
  await nodes.run(nodes.at(0).addHosts('minimega', 'all'));
  await nodes.clock.advance(15_000);
  expect(nodes.at(0).hosts('minimega')).toEqual(['node1', 'node2']);
  expect(nodes.at(1).hosts('minimega')).toEqual(['node2']);
  nodes.kill(0);
  await nodes.start(0);
  expect(nodes.at(0).hosts('minimega')).toEqual(['node1', 'node2']);
});

test('N2 a row is on the disk before others get it; when it cannot be saved, nothing changes', async () => {
  await cluster(2);
  const [disk] = nodes.disks;
  if (!disk) throw new Error('a started node has a disk');
  disk.isFull = true;
  expect(messageOf(await nodes.run(nodes.at(0).mention('exp')))).toMatch(
    /^Namespaces cannot be saved, so nothing was changed: ENOSPC/,
  );
  expect(nodes.at(0).has('exp')).toBe(false);
  await nodes.clock.advance(15_000);
  expect(nodes.at(1).has('exp')).toBe(false);
  disk.isFull = false;
  let isDone = false;
  disk.wait = () => nodes.clock.advanceUntil(() => isDone, 60_000).then(() => undefined);
  const made = nodes.at(0).mention('exp');
  const again = nodes.at(0).mention('exp');
  expect(nodes.at(1).has('exp')).toBe(false);
  isDone = true;
  await nodes.run(Promise.all([made, again]));
  await nodes.agreed();
  expect(nodes.at(1).has('exp')).toBe(true);
});

test('N2 a node that restarts has its namespaces from the disk, with the others away', async () => {
  await cluster(2);
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.run(nodes.at(0).setLoad('exp', 'netcommit'));
  nodes.kill(0);
  nodes.kill(1);
  await nodes.start(0);
  expect(nodes.text(0)).toBe('exp=node2/netcommit');
  expect(nodes.warnings).toEqual([]);
});

test('N2 a damaged file is set aside, and the namespaces come again from the others', async () => {
  await cluster(2);
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.agreed();
  nodes.kill(0);
  const [disk] = nodes.disks;
  if (!disk) throw new Error('a started node has a disk');
  disk.text = '{';
  await nodes.start(0);
  expect(disk.setAsides).toBe(1);
  expect(nodes.warnings).toHaveLength(1);
  await nodes.agreed();
  expect(nodes.text(0)).toBe('exp=node2/cpucommit');
});

test('N3 both sides of a split mention one name: after it, the hosts of both', async () => {
  await cluster();
  nodes.sim.split((index) => index % 2);
  await nodes.clock.advance(10_000);
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.run(nodes.at(1).mention('exp'));
  expect(nodes.text(0)).not.toBe(nodes.text(1));
  nodes.sim.split(null);
  await nodes.agreed();
  expect(nodes.text(2)).toBe('exp=node1,node2,node3,node4/cpucommit');
});

test('N4 a namespace that was cleared stays gone when a node comes back that was away, and may be made again', async () => {
  await cluster();
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.run(nodes.at(0).deleteHosts('exp', nodes.members(3)));
  await nodes.agreed();
  nodes.kill(3);
  await nodes.clock.advance(10_000);
  expect(await cleared(1, 'exp')).toEqual({ left: [], cluster: [], staying: [] });
  await nodes.start(3);
  expect(nodes.at(3).has('exp')).toBe(true);
  await nodes.agreed();
  expect(nodes.text(3)).toBe('');
  await nodes.run(nodes.at(3).mention('exp'));
  await nodes.agreed();
  expect(nodes.text(0)).toBe('exp=node1,node2,node3/cpucommit');
});

test('N6 clearing ends what is in the namespace on every node, also on those that are not hosts', async () => {
  await cluster();
  await nodes.run(nodes.at(0).mention('exp'));
  for (const contents of nodes.contents) contents.set('exp', '').set('other', '');
  const ended: string[] = [];
  nodes.clusterContent = {
    end: (name) => {
      ended.push(`${name} with ${nodes.contents.filter((contents) => contents.has(name)).length} left`);
      return Promise.resolve();
    },
  };
  expect(await cleared(0, 'exp')).toEqual({ left: [], cluster: [], staying: [] });
  expect(ended).toEqual(['exp with 0 left']);
  expect(nodes.contents.map((contents) => [...contents.keys()].join())).toEqual(['other', 'other', 'other', 'other']);
  await nodes.agreed();
  expect(nodes.text(2)).toBe('');
});

test('N6 a namespace stays while a host is away or something of it cannot be ended, and can be cleared again', async () => {
  await cluster();
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.agreed();
  nodes.contents[1]?.set('exp', 'vm a1: its QEMU does not end');
  nodes.contents[2]?.set('exp', '');
  nodes.kill(2);
  await nodes.clock.advance(10_000);
  const report = await cleared(0, 'exp');
  expect(report.staying).toEqual(['exp']);
  expect(report.left).toEqual([
    'node2: vm a1: its QEMU does not end',
    expect.stringMatching(/^node3: node3 is not in the mesh/),
  ]);
  expect(nodes.at(0).has('exp')).toBe(true);
  nodes.contents[1]?.set('exp', '');
  await nodes.start(2);
  await nodes.agreed();
  await nodes.clock.advance(10_000);
  expect(await cleared(0, 'exp')).toEqual({ left: [], cluster: [], staying: [] });
  expect(nodes.contents[2]?.size).toBe(0);
  await nodes.agreed();
  expect(nodes.text(1)).toBe('');
});

test('N6 a namespace stays while VLANs of it do', async () => {
  await cluster(2);
  await nodes.run(nodes.at(0).mention('exp'));
  nodes.clusterContent = { end: () => Promise.reject(new AppError('refused', 'not all were released: VLAN 101')) };
  expect(await cleared(0, 'exp')).toEqual({
    left: [],
    cluster: ['the namespace exp stays: not all were released: VLAN 101'],
    staying: ['exp'],
  });
  expect(nodes.at(0).has('exp')).toBe(true);
});

test('N6 clearing all ends what is in every namespace, the default one included, and each node is alone in that again', async () => {
  await cluster(3);
  for (const name of ['a', 'b']) await nodes.run(nodes.at(0).mention(name));
  await nodes.run(nodes.at(2).addHosts('minimega', 'all'));
  nodes.contents[1]?.set('a', '').set('minimega', '').set('b', 'stuck');
  await nodes.agreed();
  expect(await cleared(0, null)).toEqual({ left: ['node2: b: stuck'], cluster: [], staying: ['b'] });
  expect(nodes.contents[1]?.size).toBe(1);
  expect(nodes.at(2).hosts('minimega')).toEqual(['node3']);
  await nodes.agreed();
  expect(nodes.text(2)).toBe('b=node2,node3/cpucommit');
});

test('N5 a row that got lost is found when two nodes compare their tables', async () => {
  await cluster();
  const isLost = vi.spyOn(nodes.sim.mesh(0), 'notify').mockReturnValue(undefined);
  await nodes.run(nodes.at(0).mention('exp'));
  await nodes.clock.advance(500);
  expect(nodes.at(1).has('exp')).toBe(false);
  await nodes.agreed();
  expect(isLost).toHaveBeenCalled();
  expect(nodes.text(1)).toBe('exp=node2,node3,node4/cpucommit');
});

test('N7 a node of the version before has nothing of namespaces, and nobody waits for it', async () => {
  await cluster();
  nodes.kill(3);
  await nodes.start(3, false);
  await nodes.clock.advance(20_000);
  await nodes.run(nodes.at(0).mention('exp'));
  expect(await cleared(0, 'exp')).toEqual({ left: [], cluster: [], staying: [] });
});

test('N8 names are checked, and there is a bound on their number', async () => {
  await cluster(1);
  for (const name of ['all', '..', 'a/b', '-x', '', 'x'.repeat(65)])
    expect(messageOf(await nodes.run(nodes.at(0).mention(name))), name).toMatch(/^invalid namespace name/);
  for (let at = 0; at < maxNamespaces; at += 1) await nodes.at(0).mention(`n${at}`);
  expect(messageOf(await nodes.run(nodes.at(0).mention('more')))).toMatch(/^more than 1000 namespaces/);
  await nodes.run(nodes.at(0).mention('n7'));
});

test('N8 rows of a shape that is not known, and one of the default namespace, are left out; the others count', async () => {
  await cluster(2);
  const [first, second] = nodes.members(0, 1);
  const row = { state: 'present', hosts: { isAllBut: true, ids: [] }, load: 'cpucommit', isConfigured: true };
  const version = { counter: 1, node: second?.id };
  const rows = [
    { ...row, ...version, name: 'frozen', state: 'frozen' },
    { ...row, ...version, name: 'minimega' },
    { ...row, ...version, name: 'a/b' },
    { ...row, ...version, name: 'far', counter: 1e13 },
    { ...row, ...version, name: 'exp' },
  ];
  nodes.sim.mesh(1).notify([first?.id ?? ''], 'namespaces', { rows });
  await nodes.clock.advance(1_000);
  expect(nodes.at(0).names()).toEqual(['minimega', 'exp']);
  expect(nodes.at(0).hosts('minimega')).toEqual(['node1']);
});

test('N8 hosts that are named one by one have a bound', async () => {
  await cluster(1);
  const [node] = nodes.members(0);
  if (!node) throw new Error('there is one');
  const many = Array.from({ length: 4_097 }, (_, at) => ({ ...node, id: String(at).padStart(32, '0') }));
  await nodes.run(nodes.at(0).mention('exp'));
  expect(messageOf(await nodes.run(nodes.at(0).addHosts('exp', many)))).toMatch(/^too many hosts are named one by one/);
  expect(nodes.at(0).hosts('exp')).toEqual(['node1']);
});
