import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetBridge, FleetCluster, FleetHost, FleetLink, FleetNode } from '../../contract/fleet.ts';
import { describeMesh, loadOf, meshView, type MeshRows } from './mesh-view.ts';

const cluster: FleetCluster = {
  Id: 'c1',
  Context: 'john',
  Engine: 'meshd',
  State: 'live',
  AttachedTo: 'node1',
  RoundTripMs: 1,
  AsOf: 0,
  Reason: '',
};

function node(name: string, change: Partial<FleetNode> = {}): FleetNode {
  return {
    Id: `id-${name}`,
    Name: name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 2,
    Cluster: 'c1',
    AsOf: 0,
    LostAt: null,
    ...change,
  };
}

const link = (a: string, b: string, state: FleetLink['State'] = 'up'): FleetLink => ({
  A: `id-${a}`,
  B: `id-${b}`,
  State: state,
  Cluster: 'c1',
  Since: 0,
});

const told = (name: string) => ({ Node: `id-${name}`, Cluster: 'c1', AsOf: 0 });

const hostRow = (name: string, change: Partial<FleetHost> = {}): FleetHost => ({
  ...told(name),
  ...{ Name: name, Version: '1', CPUs: 2, Load: '0 0 0', MemTotal: 1, MemUsed: 1, RxBps: 0, TxBps: 0, VMs: 0 },
  ...{ AndroidVMs: 0, Limit: 0, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 0 },
  ...change,
});

const bridgeRow = (name: string): FleetBridge => ({
  ...told(name),
  ...{ Bridge: 'br0', Uplink: 'eth0', Owner: '', Persistence: '', Reboot: 'safe', Alarms: [] },
});

const noRows = { hosts: new Map(), bridges: new Map() };

function mesh(nodes: FleetNode[], links: FleetLink[], change: Partial<FleetCluster> = {}) {
  return meshView(
    {
      nodes: new Map(nodes.map((n) => [n.Id, n])),
      links: new Map(links.map((l) => [`${l.A} ${l.B}`, l])),
      ...noRows,
    },
    { ...cluster, ...change },
  );
}

describe('meshView', () => {
  it('orders nodes as people count, and peers too', () => {
    const view = mesh(
      [node('node10'), node('node2'), node('node1')],
      [link('node10', 'node2'), link('node1', 'node2'), link('node1', 'node10', 'half')],
    );
    expect(view.nodes.map((n) => n.name)).toEqual(['node1', 'node2', 'node10']);
    expect(view.byName.get('node2')?.peers).toEqual(['id-node1', 'id-node10']);
    expect(view.byName.get('node1')?.halfPeers).toEqual(['id-node10']);
  });

  it('wants no more links than there are others', () => {
    const view = mesh([node('node1', { Degree: 3 }), node('node2', { Degree: 3 })], [link('node1', 'node2')]);
    expect(view.nodes.map((n) => [n.wanted, n.state])).toEqual([
      [1, 'ok'],
      [1, 'ok'],
    ]);
    expect(describeMesh(view)).toEqual({ state: 'ok', text: 'All 2 nodes in the mesh' });
  });

  it('tells joining, lonely, lost, never come and revoked apart', () => {
    const view = mesh(
      [
        node('node1'),
        node('node2'),
        node('node3'),
        node('node4'),
        node('node5', { State: 'absent', LostAt: 5 }),
        node('node6', { State: 'absent' }),
        node('node7', { State: 'revoked' }),
      ],
      [link('node1', 'node2'), link('node1', 'node3')],
    );
    expect(view.nodes.map((n) => n.word)).toEqual([
      'in the mesh',
      'making links',
      'making links',
      'no links',
      'lost',
      'not in the mesh',
      'revoked',
    ]);
    expect(describeMesh(view)).toEqual({ state: 'bad', text: '4 of 6 nodes in the mesh, without node[5-6]' });
  });

  it('says that what it shows is old when the console is not attached', () => {
    const nodes = [node('node1', { Degree: null })];
    expect(describeMesh(mesh(nodes, [])).text).toBe('One node, alone in its mesh');
    expect(describeMesh(mesh(nodes, [], { State: 'lost' }))).toMatchObject({ state: 'bad' });
    expect(describeMesh(mesh(nodes, [], { State: 'attaching' }))).toMatchObject({ state: 'busy' });
  });

  it('leaves other clusters out', () => {
    const view = mesh([node('node1'), node('other', { Cluster: 'c2' })], [link('node1', 'other')]);
    expect([view.nodes.length, view.links.size]).toEqual([1, 0]);
  });

  it('reads the first load average', () => {
    expect(loadOf({ host: null })).toBeNull();
    expect(loadOf({ host: hostRow('node1', { Load: '0.42 0.30 0.20' }) })).toBe(0.42);
  });
});

describe('meshView after a change', () => {
  const names = ['node1', 'node2', 'node3', 'node4', 'node5'];
  const nodes = new Map(names.map((name) => [`id-${name}`, node(name)]));
  const links = new Map(
    [link('node1', 'node2'), link('node2', 'node3'), link('node3', 'node4')].map((each) => [
      `${each.A} ${each.B}`,
      each,
    ]),
  );
  const rows = { nodes, links, ...noRows };
  const before = meshView(rows, cluster);
  const followed = (fleet: Partial<MeshRows>, after: FleetCluster = cluster) =>
    meshView({ ...rows, ...fleet }, after, { mesh: before, rows });
  const changedNames = (after: ReturnType<typeof meshView>): string[] =>
    after.nodes.filter((each) => before.byId.get(each.id) !== each).map((each) => each.name);
  const withNode = (change: Partial<FleetNode>): Map<string, FleetNode> =>
    new Map(nodes).set('id-node3', node('node3', change));

  it('is the same object when nothing of it changed', () => {
    expect(followed({ nodes: new Map(nodes), links: new Map(links) })).toBe(before);
    const other = node('other', { Cluster: 'c2' });
    expect(followed({ nodes: new Map(nodes).set(other.Id, other) })).toBe(before);
  });

  it('keeps nodes that have nothing new to show', () => {
    const attached = followed({}, { ...cluster, AttachedTo: 'node2' });
    expect([attached.cluster?.AttachedTo, attached.nodes === before.nodes]).toEqual(['node2', true]);
    expect(changedNames(followed({ nodes: withNode({ Degree: 1 }) }))).toEqual(['node3']);
    const fewer = new Map(links);
    fewer.delete('id-node2 id-node3');
    const cut = followed({ links: fewer });
    expect(changedNames(cut)).toEqual(['node2', 'node3']);
    expect(cut.byName.get('node2')?.peers).toEqual(['id-node1']);
    const half = new Map(links).set('id-node1 id-node2', link('node1', 'node2', 'half'));
    expect(changedNames(followed({ links: half }))).toEqual(['node1', 'node2']);
  });

  it('shows what a node says of its machine, and keeps the others', () => {
    const hosts = new Map([['id-node3', hostRow('node3')]]);
    const after = followed({ hosts });
    expect([changedNames(after), after.byName.get('node3')?.host?.CPUs]).toEqual([['node3'], 2]);
    const bridges = new Map([['id-node4', bridgeRow('node4')]]);
    const next = meshView({ ...rows, hosts, bridges }, cluster, { mesh: after, rows: { ...rows, hosts } });
    expect(next.nodes.filter((each, index) => each !== after.nodes[index]).map(({ name }) => name)).toEqual(['node4']);
  });

  it('gives the same as a view made from the start, after any change', () => {
    const all = [
      { nodes: withNode({ State: 'absent', LostAt: 3 }), links: new Map([...links].slice(0, 1)) },
      { nodes: withNode({ Name: 'another' }), links },
      { nodes: new Map([...nodes].slice(1)), links },
      { nodes: new Map(nodes).set('id-node10', node('node10')), links: new Map() },
      { nodes: withNode({ Cluster: 'c2' }), links },
      { nodes: new Map(), links },
      { nodes, links },
    ];
    let known = { mesh: before, rows };
    for (const change of all) {
      const fleet = { ...change, ...noRows };
      known = { mesh: meshView(fleet, cluster, known), rows: fleet };
      expect(known.mesh).toEqual(meshView(fleet, cluster));
    }
  });

  it('gives that also after many changes of a mesh in which few know each other', () => {
    const ids = Array.from({ length: 12 }, (_, index) => `n${index}`);
    const states = ['member', 'absent', 'member'] as const;
    const pick = <T>(list: readonly T[], at: number): T => list[at % list.length] as T;
    let fleet: MeshRows = {
      ...noRows,
      nodes: new Map(ids.map((name) => [`id-${name}`, node(name)])),
      links: new Map(),
    };
    let known = { mesh: meshView(fleet, cluster), rows: fleet };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.nat(5)), { minLength: 1, maxLength: 4 }), (changes) => {
        const changedNodes = new Map(fleet.nodes);
        const changedLinks = new Map(fleet.links);
        for (const [from, to, what] of changes) {
          const [a, b] = [pick(ids, Math.min(from, to)), pick(ids, Math.max(from, to))];
          const key = `id-${a} id-${b}`;
          if (what < 3) changedNodes.set(`id-${a}`, node(a, { State: pick(states, what), Degree: to % 5 }));
          else if (a === b) continue;
          else if (what === 3) changedLinks.delete(key);
          else changedLinks.set(key, link(a, b, what === 4 ? 'up' : 'half'));
        }
        fleet = { ...noRows, nodes: changedNodes, links: changedLinks };
        known = { mesh: meshView(fleet, cluster, known), rows: fleet };
        expect(known.mesh).toEqual(meshView(fleet, cluster));
      }),
    );
  });
});
