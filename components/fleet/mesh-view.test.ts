import { describe, expect, it } from 'vitest';
import type { FleetCluster, FleetLink, FleetNode } from '../../contract/fleet.ts';
import { describeMesh, loadOf, meshView } from './mesh-view.ts';

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
    Version: '1',
    Facts: null,
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

function mesh(nodes: FleetNode[], links: FleetLink[], change: Partial<FleetCluster> = {}) {
  return meshView(
    { nodes: new Map(nodes.map((n) => [n.Id, n])), links: new Map(links.map((l) => [`${l.A} ${l.B}`, l])) },
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
    expect([view.nodes.length, view.links.length]).toEqual([1, 0]);
  });

  it('reads the first load average', () => {
    expect(loadOf(node('node1'))).toBeNull();
    expect(
      loadOf(
        node('node1', {
          Facts: {
            Name: 'node1',
            CPUs: 2,
            Load: '0.42 0.30 0.20',
            MemTotal: 1,
            MemUsed: 1,
            RxBps: 0,
            TxBps: 0,
            VMs: 0,
            AndroidVMs: 0,
            Limit: 0,
            CPUCommit: 0,
            MemCommit: 0,
            NetworkCommit: 0,
            Uptime: 0,
          },
        }),
      ),
    ).toBe(0.42);
  });
});
