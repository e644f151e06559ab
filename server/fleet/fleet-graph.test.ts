import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HostFacts, LinkView, NodeView } from '../../contract/watch.ts';
import { FleetDelta, FleetSnapshot } from '../../contract/fleet.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot } from '../../core/fleet-view.ts';
import { ringOfNodes } from '../engines/meshd/memory-mesh.ts';
import { FleetGraph } from './fleet-graph.ts';

const facts: HostFacts = {
  Name: 'node1',
  CPUs: 2,
  Load: '0 0 0',
  MemTotal: 100,
  MemUsed: 50,
  RxBps: 0,
  TxBps: 0,
  VMs: 0,
  AndroidVMs: 0,
  Limit: -1,
  CPUCommit: 0,
  MemCommit: 0,
  NetworkCommit: 0,
  Uptime: 1,
};
let clock = 1_000;
const make = () => {
  clock = 1_000;
  return new FleetGraph({ now: () => clock });
};
const { nodes, links } = ringOfNodes(4);
const [node1, node2] = nodes as [NodeView, NodeView];

describe('nodes and links', () => {
  test('the first snapshot causes no events, later changes do', () => {
    const graph = make();
    graph.applySnapshot('c', nodes, links);
    expect(graph.flush()).toMatchObject({ From: 0, Revision: 1, Events: [] });
    clock = 2_000;
    graph.applyChange('c', {
      Nodes: [{ Id: node2.Id, State: 'absent' }],
      GoneNodes: [],
      Links: [],
      GoneLinks: [links[0]!],
    });
    const delta = graph.flush();
    expect(delta?.Nodes).toEqual([{ Id: node2.Id, State: 'absent', AsOf: 2_000, LostAt: 2_000 }]);
    expect(delta?.Events.map(({ Kind, Nodes }) => [Kind, ...Nodes])).toEqual([
      ['link-down', 'node1', 'node2'],
      ['node-down', 'node2'],
    ]);
    clock = 3_000;
    graph.applyChange('c', { Nodes: [{ Id: node2.Id, Version: 'x' }], GoneNodes: [], Links: [], GoneLinks: [] });
    expect(graph.node(node2.Id)).toMatchObject({ LostAt: 2_000, AsOf: 3_000, Cluster: 'c' });
    graph.applyChange('c', { Nodes: [{ Id: node2.Id, State: 'member' }], GoneNodes: [], Links: [], GoneLinks: [] });
    expect(graph.node(node2.Id)?.LostAt).toBeNull();
    expect(graph.flush()?.Events.map(({ Kind }) => Kind)).toEqual(['node-up']);
  });

  test('a snapshot from another node keeps facts that it does not have yet', () => {
    const graph = make();
    graph.applySnapshot('c', [{ ...node1, Facts: facts }, ...nodes.slice(1)], links);
    graph.flush();
    graph.applySnapshot('c', [{ ...node1, Version: null }, ...nodes.slice(1)], links);
    expect(graph.flush()).toBeNull();
    expect(graph.node(node1.Id)).toMatchObject({ Facts: facts, Version: '0.1.0' });
  });

  test('what belongs to another cluster, or to no node, is left alone', () => {
    const graph = make();
    graph.applySnapshot('c', nodes, links);
    graph.flush();
    const foreign: LinkView = { A: node1.Id, B: 'f'.repeat(32), State: 'half' };
    graph.applySnapshot('evil', [{ ...node1, Name: 'mine' }], [links[0]!]);
    graph.applyChange('evil', { Nodes: [], GoneNodes: [node1.Id], Links: [], GoneLinks: [links[0]!] });
    graph.applyChange('c', {
      Nodes: [{ Id: 'unknown', State: 'member' }],
      GoneNodes: ['unknown'],
      Links: [foreign, { A: node1.Id, B: node1.Id, State: 'up' }],
      GoneLinks: [foreign],
    });
    expect(graph.flush()).toBeNull();
    expect(graph.nodesOf('c')).toHaveLength(4);
  });

  test('ignores an incomplete set of facts about a node without facts', () => {
    const graph = make();
    graph.applySnapshot('c', nodes, links);
    graph.applyChange('c', { Nodes: [{ Id: node1.Id, Facts: { VMs: 3 } }], GoneNodes: [], Links: [], GoneLinks: [] });
    expect(graph.node(node1.Id)?.Facts).toBeNull();
    graph.applyChange('c', { Nodes: [{ Id: node1.Id, Facts: facts }], GoneNodes: [], Links: [], GoneLinks: [] });
    graph.applyChange('c', { Nodes: [{ Id: node1.Id, Facts: { VMs: 3 } }], GoneNodes: [], Links: [], GoneLinks: [] });
    expect(graph.node(node1.Id)?.Facts).toEqual({ ...facts, VMs: 3 });
  });

  test('facts of many hosts take turns, and nothing of them is lost', () => {
    const graph = make();
    const many = ringOfNodes(1_000);
    graph.applySnapshot(
      'c',
      many.nodes.map((node) => ({ ...node, Facts: facts })),
      many.links,
    );
    graph.flush();
    const change = (VMs: number) => {
      const Nodes = many.nodes.map(({ Id }) => ({ Id, Facts: { VMs } }));
      graph.applyChange('c', { Nodes, GoneNodes: [], Links: [], GoneLinks: [] });
    };
    let [sent, seconds] = [0, 0];
    for (; seconds < 5; seconds += 1) {
      clock += 1_000;
      graph.releaseFacts();
      change(seconds + 1);
      sent += graph.flush()?.Nodes.length ?? 0;
    }
    expect(sent).toBeLessThanOrEqual(5 * 200);
    expect(sent).toBeGreaterThanOrEqual(4 * 200);
    // A change other than facts does not wait, and takes the facts along.
    const last = many.nodes[999]!;
    graph.applyChange('c', { Nodes: [{ Id: last.Id, State: 'absent' }], GoneNodes: [], Links: [], GoneLinks: [] });
    expect(graph.flush()?.Nodes).toMatchObject([{ Id: last.Id, State: 'absent', Facts: { VMs: 5 } }]);
    while (graph.isWaiting) {
      clock += 1_000;
      graph.releaseFacts();
    }
    expect(new Set(graph.nodesOf('c').map((node) => node.Facts?.VMs))).toEqual(new Set([5]));
  });

  test('a cluster that is removed takes its nodes and links along', () => {
    const graph = make();
    graph.putCluster({
      Id: 'c',
      Context: 'john',
      Engine: 'meshd',
      State: 'live',
      AttachedTo: '',
      RoundTripMs: null,
      AsOf: 0,
      Reason: '',
    });
    graph.applySnapshot('c', nodes, links);
    graph.flush();
    graph.removeCluster('c');
    const delta = graph.flush();
    expect([delta?.GoneClusters.length, delta?.GoneNodes.length, delta?.GoneLinks.length]).toEqual([
      1,
      4,
      links.length,
    ]);
    expect(graph.snapshot()).toMatchObject({ Clusters: [], Nodes: [], Links: [] });
  });

  test('reports a bridge that comes, needs a person, or goes; not one seen for the first time', () => {
    const graph = make();
    graph.applySnapshot('c', nodes, links);
    const kindsAfter = (change: Partial<HostFacts>) => {
      graph.applyChange('c', { Nodes: [{ Id: node2.Id, Facts: change }], GoneNodes: [], Links: [], GoneLinks: [] });
      return graph.flush()?.Events.map(({ Kind, Nodes }) => [Kind, ...Nodes]);
    };
    expect(kindsAfter({ ...facts, Name: 'node2' })).toEqual([]);
    expect(kindsAfter({ Bridge: '' })).toEqual([]);
    expect(kindsAfter({ Bridge: 'mega_bridge' })).toEqual([['bridge-up', 'node2']]);
    expect(kindsAfter({ Load: '1 1 1' })).toEqual([]);
    expect(kindsAfter({ BridgeAlarms: 'a timer was left behind' })).toEqual([['bridge-alarm', 'node2']]);
    expect(kindsAfter({ Bridge: '', BridgeAlarms: '' })).toEqual([
      ['bridge-gone', 'node2'],
      ['bridge-well', 'node2'],
    ]);
  });

  test('events are kept for an hour', () => {
    const graph = make();
    graph.addEvent({ At: clock, Cluster: 'c', Kind: 'attached', Nodes: ['node1'] });
    graph.flush();
    expect(graph.snapshot().Events).toHaveLength(1);
    clock += 3_600_001;
    expect(graph.snapshot().Events).toEqual([]);
  });
});

test('a page that follows the deltas has what the graph has, whenever it joined', () => {
  const ids = nodes.map(({ Id }) => Id);
  const change = fc.record({
    Nodes: fc.uniqueArray(
      fc.oneof(
        fc.record({ Id: fc.constantFrom(...ids), State: fc.constantFrom('member' as const, 'absent' as const) }),
        fc.record({ Id: fc.constantFrom(...ids), Facts: fc.constantFrom(null, facts, { VMs: 7 }, { Load: '1 1 1' }) }),
        fc.constantFrom(...nodes),
      ),
      { selector: ({ Id }) => Id, maxLength: 3 },
    ),
    GoneNodes: fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 1 }),
    Links: fc.uniqueArray(fc.constantFrom(...links, ...links.map((link): LinkView => ({ ...link, State: 'half' }))), {
      selector: ({ A, B }) => A + B,
      maxLength: 3,
    }),
    GoneLinks: fc.uniqueArray(fc.constantFrom(...links), { maxLength: 2 }),
  });
  const action = fc.oneof(
    { weight: 6, arbitrary: change.map((made) => ({ kind: 'change' as const, made })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'snapshot' as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'flush' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'join' as const }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const graph = make();
      graph.applySnapshot('c', nodes, links);
      graph.flush();
      let view = fleetFromSnapshot(FleetSnapshot.parse(graph.snapshot()));
      const flush = () => {
        const delta = graph.flush();
        if (!delta) return;
        expect(deltaFit(view, delta)).toBe('next');
        view = applyFleetDelta(view, FleetDelta.parse(JSON.parse(JSON.stringify(delta))));
      };
      for (const each of actions) {
        clock += 10;
        if (each.kind === 'change') graph.applyChange('c', each.made);
        else if (each.kind === 'snapshot') graph.applySnapshot('c', nodes, links);
        else flush();
        if (each.kind === 'join') view = fleetFromSnapshot(FleetSnapshot.parse(graph.snapshot()));
      }
      flush();
      const whole = fleetFromSnapshot(FleetSnapshot.parse(graph.snapshot()));
      expect(new Map([...view.nodes].sort())).toEqual(new Map([...whole.nodes].sort()));
      expect(new Map([...view.links].sort())).toEqual(new Map([...whole.links].sort()));
      expect(view.revision).toBe(whole.revision);
    }),
    { numRuns: 300 },
  );
});
