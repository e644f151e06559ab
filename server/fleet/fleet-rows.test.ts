import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  clusterKinds,
  vms,
  type BridgeRow,
  type HostRow,
  type LinkRow,
  type NodeRow,
  type VmRow,
} from '../../contract/cluster-kinds.ts';
import { FleetDelta, fleetKind, fleetKinds, FleetSnapshot } from '../../contract/fleet.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { defineKind, type KindChange, type RowChanges, type RowData } from '../../contract/kinds.ts';
import { applyFleetDelta, deltaFit, fleetFromSnapshot, linkKey, rowsOf } from '../../core/fleet-view.ts';
import { ringOfNodes } from '../engines/meshd/memory-mesh.ts';
import { FleetRows } from './fleet-rows.ts';

/** A kind that clusters have as a whole, as VLANs will be. */
const beds = defineKind({
  name: 'beds',
  key: ['Alias'],
  bound: 100,
  row: z.object({ Alias: z.string(), Number: z.number() }),
});
const kinds = [...clusterKinds, beds];

const hostRow = (Node: string, change: Partial<HostRow> = {}): HostRow => ({
  ...{ Node, Name: 'node1', Version: '0.1.0', CPUs: 2, Load: '0 0 0', MemTotal: 100, MemUsed: 50, RxBps: 0, TxBps: 0 },
  ...{ VMs: 0, AndroidVMs: 0, Limit: -1, CPUCommit: 0, MemCommit: 0, NetworkCommit: 0, Uptime: 1 },
  ...change,
});
let clock = 1_000;
const make = () => {
  clock = 1_000;
  return new FleetRows({ now: () => clock, kinds });
};
const { nodes, links } = ringOfNodes(4);
const [node1, node2] = nodes as [NodeRow, NodeRow];
const put = (...rows: readonly RowData[]): KindChange => ({ put: rows, gone: [] });
const gone = (...keys: string[]): KindChange => ({ put: [], gone: keys });
const ring: RowChanges = { nodes: put(...nodes), links: put(...links) };
const started = (rows: RowChanges = ring) => {
  const fleet = make();
  fleet.applySnapshot('c', rows);
  fleet.flush();
  return fleet;
};
const hostOf = (fleet: FleetRows, id: string) =>
  fleet.rowsOf(fleetKind(clusterKinds[2])).find(({ Node }) => Node === id);

const vmRow = (Node: string, State: VmRow['State'], Id = 1): VmRow => ({
  ...{ Node, Id, Name: `web${Id}`, Namespace: 'minimega', State, Reason: '', Uuid: 'u', Vcpus: 1, Memory: 64 },
  ...{ Accelerator: '', SerialPorts: 0, Launched: 0, Vlans: [], Aliases: [], Macs: [], Tags: [] },
});
const vmsOf = (fleet: FleetRows) => fleet.rowsOf(fleetKind(vms)).map(({ Name, State }) => `${Name} ${State}`);

describe('VMs of a node that is lost', () => {
  const absent = put({ Id: node2.Id, State: 'absent' });
  test('stay as lost, whichever is heard first', () => {
    const fleet = started({ ...ring, vms: put(vmRow(node2.Id, 'RUNNING'), vmRow(node2.Id, 'RUNNING', 2)) });
    fleet.applyChange('c', { vms: put({ Node: node2.Id, Id: 1, State: 'LOST' }) });
    fleet.applyChange('c', { nodes: absent });
    expect(vmsOf(fleet)).toEqual(['web1 LOST']);
    fleet.applyChange('c', { vms: put(vmRow(node2.Id, 'LOST', 2)) });
    expect(vmsOf(fleet)).toEqual(['web1 LOST', 'web2 LOST']);
    fleet.applyChange('c', { nodes: gone(node2.Id) });
    expect(vmsOf(fleet)).toEqual([]);
  });

  test('are those that the next node knows, once the console attaches to another one', () => {
    const fleet = started({ ...ring, vms: put(vmRow(node2.Id, 'RUNNING'), vmRow(node2.Id, 'RUNNING', 2)) });
    fleet.applyChange('c', { vms: put({ Node: node2.Id, Id: 2, State: 'LOST' }) });
    const without = nodes.map((node) => (node.Id === node2.Id ? { ...node, State: 'absent' as const } : node));
    fleet.applySnapshot('c', { ...ring, nodes: put(...without), vms: put(vmRow(node2.Id, 'LOST')) });
    expect(vmsOf(fleet)).toEqual(['web1 LOST']);
  });
});

describe('nodes and links', () => {
  test('the first snapshot causes no events, later changes do', () => {
    const fleet = make();
    fleet.applySnapshot('c', ring);
    expect(fleet.flush()).toMatchObject({ From: 0, Revision: 1, Events: [] });
    clock = 2_000;
    fleet.applyChange('c', { nodes: put({ Id: node2.Id, State: 'absent' }), links: gone(linkKey(links[0]!)) });
    const delta = fleet.flush();
    expect(delta?.Kinds['nodes']?.put).toEqual([{ Id: node2.Id, State: 'absent', AsOf: 2_000, LostAt: 2_000 }]);
    expect(delta?.Events.map(({ Kind, Nodes }) => [Kind, ...Nodes])).toEqual([
      ['link-down', 'node1', 'node2'],
      ['node-down', 'node2'],
    ]);
    clock = 3_000;
    fleet.applyChange('c', { nodes: put({ Id: node2.Id, Degree: 9 }) });
    expect(fleet.node(node2.Id)).toMatchObject({ LostAt: 2_000, AsOf: 3_000, Cluster: 'c' });
    fleet.applyChange('c', { nodes: put({ Id: node2.Id, State: 'member' }) });
    expect(fleet.node(node2.Id)?.LostAt).toBeNull();
    expect(fleet.flush()?.Events.map(({ Kind }) => Kind)).toEqual(['node-up']);
  });

  test('a snapshot from another node keeps what members said, which it does not have yet', () => {
    const fleet = started({ ...ring, hosts: put(hostRow(node1.Id)) });
    fleet.applySnapshot('c', ring);
    expect(fleet.flush()).toBeNull();
    expect(hostOf(fleet, node1.Id)).toMatchObject({ CPUs: 2, Version: '0.1.0', Cluster: 'c' });
    fleet.applySnapshot('c', { ...ring, nodes: put({ ...node1, State: 'absent' }, ...nodes.slice(1)) });
    expect(hostOf(fleet, node1.Id)).toBeUndefined();
  });

  test('a snapshot takes away what it does not name', () => {
    const fleet = started();
    fleet.applySnapshot('c', { nodes: put(...nodes.slice(0, 3)), links: put(links[0]!) });
    expect([fleet.nodesOf('c').length, Object.keys(fleet.flush()?.Kinds ?? {})]).toEqual([3, ['links', 'nodes']]);
    expect(fleet.snapshot().Kinds['links']?.put).toMatchObject([links[0]]);
  });

  test('what belongs to another cluster, or to no node, is left alone', () => {
    const fleet = started();
    const foreign: LinkRow = { A: node1.Id, B: 'f'.repeat(32), State: 'half' };
    fleet.applySnapshot('evil', { nodes: put({ ...node1, Name: 'mine' }), links: put(links[0]!) });
    fleet.applyChange('evil', {
      nodes: gone(node1.Id),
      links: gone(linkKey(links[0]!)),
      hosts: put(hostRow(node1.Id)),
    });
    fleet.applyChange('c', {
      nodes: { put: [{ Id: 'unknown', State: 'member' }], gone: ['unknown'] },
      links: { put: [foreign, { A: node1.Id, B: node1.Id, State: 'up' }], gone: [linkKey(foreign)] },
      hosts: put(hostRow('unknown')),
    });
    expect(fleet.flush()).toBeNull();
    expect(fleet.nodesOf('c')).toHaveLength(4);
  });

  test('a cluster that is removed takes its rows along', () => {
    const fleet = make();
    fleet.putCluster({
      ...{ Id: 'c', Context: 'john', Engine: 'meshd', State: 'live', AttachedTo: '', RoundTripMs: null },
      ...{ AsOf: 0, Reason: '' },
    });
    fleet.applySnapshot('c', { ...ring, beds: put({ Alias: 'lan', Number: 101 }) });
    fleet.flush();
    fleet.removeCluster('c');
    const delta = fleet.flush();
    const counts = Object.entries(delta?.Kinds ?? {}).map(([kind, change]) => [kind, change.gone.length]);
    expect(Object.fromEntries(counts)).toEqual({ clusters: 1, nodes: 4, links: links.length, beds: 1 });
    expect(fleet.snapshot().Kinds).toEqual({});
  });

  test('events are kept for an hour', () => {
    const fleet = make();
    fleet.addEvent({ At: clock, Cluster: 'c', Kind: 'attached', Nodes: ['node1'] });
    fleet.flush();
    expect(fleet.snapshot().Events).toHaveLength(1);
    clock += 3_600_001;
    expect(fleet.snapshot().Events).toEqual([]);
  });
});

describe('other kinds', () => {
  test('are passed on with their cluster, and go with their node', () => {
    const fleet = started();
    fleet.applyChange('c', { hosts: put({ Node: node1.Id, VMs: 3 }) });
    expect(hostOf(fleet, node1.Id)).toBeUndefined();
    fleet.applyChange('c', { hosts: put(hostRow(node1.Id)) });
    fleet.applyChange('c', { hosts: put({ Node: node1.Id, VMs: 3 }) });
    expect(hostOf(fleet, node1.Id)).toMatchObject({ VMs: 3, Cluster: 'c', AsOf: 1_000 });
    fleet.applyChange('c', { nodes: put({ Id: node1.Id, State: 'absent' }) });
    expect(fleet.flush()?.Kinds['hosts']).toEqual({ put: [], gone: [node1.Id] });
  });

  test('of a whole cluster may have the same keys in two clusters', () => {
    const fleet = started();
    fleet.applySnapshot('c', { ...ring, beds: put({ Alias: 'lan', Number: 101 }) });
    fleet.applySnapshot('d', { beds: put({ Alias: 'lan', Number: 7 }) });
    const all = () => fleet.rowsOf(fleetKind(beds)).map(({ Cluster, Number }) => [Cluster, Number]);
    expect(all()).toEqual([
      ['c', 101],
      ['d', 7],
    ]);
    fleet.applyChange('d', { beds: gone('lan') });
    expect(all()).toEqual([['c', 101]]);
    fleet.applySnapshot('c', ring);
    expect(all()).toEqual([]);
  });

  test('hosts take turns, and nothing of them is lost', () => {
    const fleet = make();
    const many = ringOfNodes(1_000);
    const of = (VMs: number) => put(...many.nodes.map(({ Id }) => ({ Node: Id, VMs })));
    const whole = put(...many.nodes.map(({ Id }) => hostRow(Id)));
    fleet.applySnapshot('c', { nodes: put(...many.nodes), links: put(...many.links), hosts: whole });
    fleet.flush();
    let [sent, seconds] = [0, 0];
    for (; seconds < 5; seconds += 1) {
      clock += 1_000;
      fleet.releaseHosts();
      fleet.applyChange('c', { hosts: of(seconds + 1) });
      sent += fleet.flush()?.Kinds['hosts']?.put.length ?? 0;
    }
    expect(sent).toBeLessThanOrEqual(5 * 200);
    expect(sent).toBeGreaterThanOrEqual(4 * 200);
    const waiting = many.nodes[999]!;
    fleet.applyChange('c', { nodes: put({ Id: waiting.Id, State: 'absent' }) });
    while (fleet.isWaiting) {
      clock += 1_000;
      fleet.releaseHosts();
    }
    const left = fleet.rowsOf(fleetKind(clusterKinds[2]));
    expect([left.length, new Set(left.map(({ VMs }) => VMs))]).toEqual([999, new Set([5])]);
  });

  test('bridges cause an event when one comes, needs a person, or goes; not one seen for the first time', () => {
    const fleet = started();
    const row: BridgeRow = {
      ...{ Node: node2.Id, Bridge: '', Uplink: '', Owner: '', Persistence: '', Reboot: '', Alarms: [] },
    };
    const after = (change: Partial<BridgeRow>) => {
      fleet.applyChange('c', { bridges: put({ ...change, Node: node2.Id }) });
      return fleet.flush()?.Events.map(({ Kind, Nodes }) => [Kind, ...Nodes]);
    };
    expect(after(row)).toEqual([]);
    expect(after({ Bridge: 'mega_bridge' })).toEqual([['bridge-up', 'node2']]);
    expect(after({ Uplink: 'eth0' })).toEqual([]);
    expect(after({ Alarms: ['a timer was left behind'] })).toEqual([['bridge-alarm', 'node2']]);
    expect(after({ Bridge: '', Alarms: [] })).toEqual([
      ['bridge-gone', 'node2'],
      ['bridge-well', 'node2'],
    ]);
  });
});

test('a page that follows the deltas has the same rows, whenever it joined', () => {
  const ids = nodes.map(({ Id }) => Id);
  const half = links.map((link): LinkRow => ({ ...link, State: 'half' }));
  const some = <T>(all: fc.Arbitrary<T>, most: number) => fc.array(all, { maxLength: most });
  const change = fc.record({
    nodes: fc.record({
      put: some(
        fc.oneof(
          fc.record({ Id: fc.constantFrom(...ids), State: fc.constantFrom('member' as const, 'absent' as const) }),
          fc.constantFrom(...nodes),
        ),
        3,
      ),
      gone: some(fc.constantFrom(...ids), 1),
    }),
    links: fc.record({
      put: some(fc.constantFrom(...links, ...half), 3),
      gone: some(fc.constantFrom(...links.map((link) => linkKey(link))), 2),
    }),
    hosts: fc.record({
      put: some(
        fc.constantFrom<RowData>(...ids.map((id) => hostRow(id)), ...ids.map((id) => ({ Node: id, VMs: 7 }))),
        3,
      ),
      gone: some(fc.constantFrom(...ids), 1),
    }),
    beds: fc.record({
      put: some(fc.record({ Alias: fc.constantFrom('a', 'b'), Number: fc.nat(3) }), 2),
      gone: some(fc.constantFrom('a', 'b'), 1),
    }),
  });
  const action = fc.oneof(
    { weight: 6, arbitrary: change.map((made) => ({ kind: 'change' as const, made })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'snapshot' as const }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'flush' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'join' as const }) },
  );
  const all = fleetKinds(kinds);
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const fleet = started();
      const whole = () => fleetFromSnapshot(FleetSnapshot.parse(fleet.snapshot()), all);
      let view = whole();
      const flush = () => {
        const delta = fleet.flush();
        if (!delta) return;
        expect(deltaFit(view, delta)).toBe('next');
        view = applyFleetDelta(view, FleetDelta.parse(JSON.parse(JSON.stringify(delta))), all);
      };
      for (const each of actions) {
        clock += 10;
        if (each.kind === 'change') fleet.applyChange('c', each.made);
        else if (each.kind === 'snapshot') fleet.applySnapshot('c', ring);
        else flush();
        if (each.kind === 'join') view = whole();
      }
      flush();
      const now = whole();
      for (const kind of all) {
        const sorted = (rows: ReadonlyMap<string, RowData>) => new Map([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
        expect(sorted(rowsOf(view, kind)), kind.name).toEqual(sorted(rowsOf(now, kind)));
        for (const [key, row] of rowsOf(view, kind)) expect(keyOf(kind, row)).toBe(key);
      }
      expect(view.revision).toBe(now.revision);
    }),
    { numRuns: 300 },
  );
});

describe('VMs', () => {
  const vm = (node: NodeRow, Id: number, change: Partial<VmRow> = {}): VmRow => ({
    ...{ Node: node.Id, Id, Name: `web${Id}`, Namespace: 'lab', State: 'RUNNING', Reason: '', Uuid: `u${Id}` },
    ...{
      Vcpus: 1,
      Memory: 512,
      Accelerator: 'kvm',
      SerialPorts: 0,
      Launched: 0,
      Vlans: [],
      Aliases: [],
      Macs: [],
      Tags: [],
    },
    ...change,
  });
  const statesOf = (fleet: FleetRows) => fleet.rowsOf(fleetKind(vms)).map(({ Name, State }) => `${Name} ${State}`);
  const eventsOf = (fleet: FleetRows) =>
    fleet
      .flush()
      ?.Events.flatMap(({ Kind, Nodes, Vms }) =>
        Vms ? [`${Kind} ${Vms.Count} ${Vms.Names.join()} ${Nodes.join()}`] : [],
      );
  const withVms = () => started({ ...ring, vms: put(vm(node1, 1), vm(node2, 10), vm(node2, 2)) });

  test('those of a lost node are lost, which is one event, and stay so when the console attaches elsewhere', () => {
    const fleet = withVms();
    const away = { ...node2, State: 'absent' as const };
    const lost = put(vm(node2, 10, { State: 'LOST' }), vm(node2, 2, { State: 'LOST' }));
    fleet.applyChange('c', { nodes: put({ Id: node2.Id, State: 'absent' }) });
    fleet.applyChange('c', { vms: lost });
    expect(statesOf(fleet)).toEqual(['web1 RUNNING', 'web10 LOST', 'web2 LOST']);
    expect(eventsOf(fleet)).toEqual(['vm-lost 2 web2,web10 node2']);
    // Another node tells all of it, with one VM less.
    fleet.applySnapshot('c', {
      ...ring,
      nodes: put(node1, away, ...nodes.slice(2)),
      vms: put(vm(node2, 2, { State: 'LOST' })),
    });
    expect(statesOf(fleet)).toEqual(['web1 RUNNING', 'web2 LOST']);
    expect(eventsOf(fleet)).toEqual([]);
    fleet.applyChange('c', { nodes: put({ Id: node2.Id, State: 'member' }), vms: put(vm(node2, 2)) });
    expect(statesOf(fleet)).toEqual(['web1 RUNNING', 'web2 RUNNING']);
    expect(eventsOf(fleet)).toEqual([]);
  });

  test('they are lost too when a node says so before the loss of theirs is known', () => {
    const fleet = withVms();
    fleet.applyChange('c', { vms: put({ Node: node2.Id, Id: 2, State: 'LOST' }) });
    expect(eventsOf(fleet)).toEqual(['vm-lost 1 web2 node2']);
    fleet.applyChange('c', {
      nodes: put({ Id: node2.Id, State: 'absent' }),
      vms: put(vm(node2, 2, { State: 'LOST' })),
    });
    expect(eventsOf(fleet)).toEqual([]);
  });

  test('what nobody asked for is an event, with what it happened to; what somebody did is not', () => {
    const fleet = withVms();
    fleet.applyChange('c', {
      vms: put(
        { Node: node1.Id, Id: 1, State: 'PAUSED' },
        { Node: node2.Id, Id: 10, State: 'PAUSED', Reason: 'no space left' },
        { Node: node2.Id, Id: 2, State: 'ERROR', Reason: 'no such image' },
        vm(node1, 7, { State: 'ERROR' }),
      ),
    });
    expect(eventsOf(fleet)).toEqual(['vm-paused 1 web10 node2', 'vm-failed 1 web2 node2']);
    fleet.applyChange('c', { vms: put({ Node: node2.Id, Id: 10, State: 'QUIT', Reason: 'node2 was restarted' }) });
    expect(eventsOf(fleet)).toEqual(['vm-ended 1 web10 node2']);
  });

  test('what the console learns first is not news', () => {
    const fleet = make();
    fleet.applySnapshot('c', { ...ring, vms: put(vm(node1, 1, { State: 'ERROR' }), vm(node2, 2, { State: 'LOST' })) });
    expect(eventsOf(fleet)).toEqual([]);
  });
});
