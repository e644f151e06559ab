import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { FleetNode, FleetVlan, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { applyFleetDelta, rowsOf, type FleetView } from '../../core/fleet-view.ts';
import { testDelta, testFleet, testNamespace, testNode, testVlan, testVm, type TestRows } from './rows-for-tests.ts';
import { VlanIndex } from './vlan-index.ts';
import { compareVlans, namesOfVm, nameOfVlan, type VlanMap } from './vlan-view.ts';

function begin(rows: TestRows) {
  let view = testFleet(rows);
  const index = new VlanIndex('c1', view);
  return {
    index,
    map: () => index.current,
    change: (put: TestRows, gone: TestRows = {}) => {
      const delta = testDelta(view, put, gone);
      view = applyFleetDelta(view, delta);
      return index.follow(delta.Kinds, view);
    },
  };
}

/** `lan 101: node1 2/3` is a VLAN with two of three VMs running on node1. */
function texts({ vlans, nodes }: VlanMap): string[] {
  return vlans.map((vlan) => {
    const cells = nodes.flatMap(({ id, name }) => {
      const cell = vlan.cells.get(id);
      return cell ? [`${name} ${cell.RUNNING}/${cell.total}`] : [];
    });
    const flags = [
      ...(vlan.isListed ? [] : ['unlisted']),
      ...(vlan.isSplit ? ['split'] : []),
      ...(vlan.isClash ? ['clash'] : []),
    ];
    return [`${vlan.namespace}//${vlan.alias} ${vlan.vlan}:`, ...cells, ...flags].join(' ');
  });
}

const nodes = ['node10', 'node2', 'node1'].map((name) => testNode(name));

describe('the map', () => {
  it('has VLANs by namespace and alias, numbers last, and VMs on each node by state', () => {
    const { map } = begin({
      nodes,
      vlans: [testVlan(150), testVlan(102, 'lan10'), testVlan(101, 'lan2'), testVlan(7, 'exp//lan')],
      vms: [
        testVm('a1', 'node1', [[101, 'lan2']]),
        testVm('a2', 'node1', [[101, 'lan2']], { State: 'PAUSED' }),
        testVm('a3', 'node10', [
          [101, 'lan2'],
          [150, ''],
        ]),
      ],
    });
    expect(texts(map())).toEqual([
      'exp//lan 7:',
      'minimega//lan2 101: node1 1/2 node10 1/1',
      'minimega//lan10 102:',
      '// 150: node10 1/1',
    ]);
    expect(map().nodes.map(({ name }) => name)).toEqual(['node1', 'node2', 'node10']);
    expect(map().namespaces.map(({ name }) => name)).toEqual(['exp', 'minimega']);
  });

  it('counts a VM once on a VLAN, whatever its interfaces, and not one without a cable', () => {
    const { map, change } = begin({
      nodes,
      vlans: [testVlan(101, 'lan')],
      vms: [
        testVm('a1', 'node1', [
          [101, 'lan'],
          [101, 'lan'],
          [-1, ''],
        ]),
      ],
    });
    expect(texts(map())).toEqual(['minimega//lan 101: node1 1/1']);
    expect(texts(change({ vms: [testVm('a1', 'node1', [[-1, '']])] }))).toEqual(['minimega//lan 101:']);
  });

  it('reads an alias of another namespace', () => {
    const { map } = begin({
      nodes,
      vlans: [testVlan(7, 'exp//lan')],
      vms: [testVm('a1', 'node1', [[7, 'exp//lan']], { Namespace: 'other' })],
    });
    expect(texts(map())).toEqual(['exp//lan 7: node1 1/1']);
  });

  it('counts who names the number alone with the alias that holds it', () => {
    const { map, change } = begin({
      nodes,
      vlans: [testVlan(101, 'lan')],
      vms: [testVm('a1', 'node1', [[101, 'lan']]), testVm('a2', 'node1', [[101, '']])],
    });
    expect(texts(map())).toEqual(['minimega//lan 101: node1 2/2']);
    expect(texts(change({ vlans: [testVlan(101)] }))).toEqual(['minimega//lan 101: node1 1/1', '// 101: node1 1/1']);
  });

  it('shows what VMs use and the table does not name', () => {
    const { map, change } = begin({ nodes, vms: [testVm('a1', 'node1', [[101, 'lan']])] });
    expect(texts(map())).toEqual(['minimega//lan 101: node1 1/1 unlisted']);
    expect(texts(change({ vlans: [testVlan(101, 'lan')] }))).toEqual(['minimega//lan 101: node1 1/1']);
    expect(texts(change({}, { vlans: [testVlan(101, 'lan')] }))).toEqual(['minimega//lan 101: node1 1/1 unlisted']);
  });

  it('has both holders of a clash with their own VMs', () => {
    const { map } = begin({
      nodes,
      vlans: [testVlan(101, 'lan', { Clash: true }), testVlan(101, 'exp//dmz', { Clash: true })],
      vms: [
        testVm('a1', 'node1', [[101, 'lan']]),
        testVm('a2', 'node2', [[101, 'dmz']], { Namespace: 'exp' }),
        testVm('a3', 'node2', [[101, '']]),
      ],
    });
    expect(texts(map())).toEqual(['exp//dmz 101: node2 2/2 clash', 'minimega//lan 101: node1 1/1 clash']);
  });

  it('says which VMs are on a VLAN', () => {
    const { index, map } = begin({
      nodes,
      vlans: [testVlan(101, 'lan')],
      vms: [
        testVm('a1', 'node1', [[101, 'lan']]),
        testVm('a2', 'node2', [[101, '']]),
        testVm('a3', 'node2', [[102, '']]),
      ],
    });
    const [lan] = map().vlans;
    expect([...index.vmsOn(lan!)].map((key) => key.split(' ')[0]).sort()).toEqual(['id-node1', 'id-node2']);
  });

  it('has a revoked node only while it has VMs, and nothing of another cluster', () => {
    const { map, change } = begin({
      nodes: [...nodes, testNode('node3', { State: 'revoked' }), testNode('far', { Cluster: 'c2' })],
      vlans: [testVlan(101, 'lan'), testVlan(102, 'far', { Cluster: 'c2' })],
      vms: [testVm('a9', 'far', [[102, 'far']], { Cluster: 'c2' })],
    });
    expect(map().nodes.map(({ name }) => name)).toEqual(['node1', 'node2', 'node10']);
    expect(texts(map())).toEqual(['minimega//lan 101:']);
    const lost = testVm('a1', 'node3', [[101, 'lan']], { State: 'LOST' });
    expect(texts(change({ vms: [lost] }))).toEqual(['minimega//lan 101: node3 0/1']);
    expect(change({}, { vms: [lost] }).nodes).toHaveLength(3);
  });
});

describe('a change', () => {
  const rows: TestRows = {
    nodes,
    vlans: [testVlan(101, 'lan'), testVlan(102, 'dmz'), testVlan(103, 'net')],
    vms: [testVm('a1', 'node1', [[101, 'lan']]), testVm('a2', 'node2', [[102, 'dmz']])],
    namespaces: [testNamespace('minimega', [101, 4094])],
  };

  it('makes another object of the VLAN that it concerns, and of no other', () => {
    const { map, change } = begin(rows);
    const before = map();
    const after = change({ vms: [testVm('a1', 'node1', [[101, 'lan']], { State: 'PAUSED' })] });
    const same = after.vlans.filter((vlan) => before.byKey.get(vlan.key) === vlan).map(({ alias }) => alias);
    expect(same).toEqual(['dmz', 'net']);
    expect([after.nodes, after.namespaces]).toEqual([before.nodes, before.namespaces]);
    expect(after.nodes).toBe(before.nodes);
    expect(before.vlans.map(({ sum }) => sum.RUNNING)).toEqual([1, 1, 0]);
  });

  it('that says nothing new leaves the map as it is', () => {
    const { map, change } = begin(rows);
    const before = map();
    expect(change({ vms: [testVm('a1', 'node1', [[101, 'lan']], { Memory: 1024, AsOf: 5 })] })).toBe(before);
    expect(change({ nodes: [testNode('node1', { AsOf: 7 })] })).toBe(before);
    expect(change({})).toBe(before);
  });

  it('of a node or its bridge leaves the VLANs as they are', () => {
    const { map, change } = begin(rows);
    const before = map();
    const bridge = {
      Node: 'id-node2',
      Bridge: 'mega_bridge',
      Uplink: '',
      Owner: '',
      Persistence: '',
      Reboot: '',
      Alarms: [],
    };
    const after = change({ nodes: [testNode('node1', { State: 'absent', LostAt: 5 })], bridges: [bridge] });
    expect(after.vlans).toBe(before.vlans);
    expect(after.nodes.map(({ name, state, uplink }) => `${name} ${state} ${String(uplink)}`)).toEqual([
      'node1 absent null',
      'node2 member ',
      'node10 member null',
    ]);
    expect(after.nodes[2]).toBe(before.nodes[2]);
  });
});

// ---- what comes by deltas is what the rows say

const aliases = ['', 'a', 'b', 'exp//a'];
const nodeNames = ['node1', 'node2', 'node3'];
const numbers = [101, 102, 103];
const states: readonly FleetVm['State'][] = ['RUNNING', 'PAUSED', 'LOST'];

const vlanRow = fc
  .tuple(fc.constantFrom(...numbers), fc.constantFrom(...aliases), fc.boolean(), fc.boolean())
  .map(([vlan, name, Split, Clash]): FleetVlan => testVlan(vlan, name, { Split, Clash }));
const vmRow = fc
  .tuple(
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom(...nodeNames),
    fc.array(fc.tuple(fc.constantFrom(-1, ...numbers), fc.constantFrom(...aliases)), { maxLength: 3 }),
    fc.constantFrom(...states),
    fc.constantFrom('minimega', 'exp'),
  )
  .map(([id, node, nics, State, Namespace]): FleetVm => testVm(`vm${id}`, node, nics, { State, Namespace }));
const nodeRow = fc
  .tuple(fc.constantFrom(...nodeNames), fc.constantFrom('member', 'absent', 'revoked'))
  .map(([name, State]): FleetNode => testNode(name, { State }));
const step = fc.record({
  put: fc.record({
    vlans: fc.array(vlanRow, { maxLength: 2 }),
    vms: fc.array(vmRow, { maxLength: 3 }),
    nodes: fc.array(nodeRow, { maxLength: 1 }),
  }),
  gone: fc.record({
    vlans: fc.array(vlanRow, { maxLength: 1 }),
    vms: fc.array(vmRow, { maxLength: 1 }),
    nodes: fc.array(nodeRow, { maxLength: 1 }),
  }),
});

/** The same from the rows alone, without any of the index's ways. */
function expected(view: FleetView): string[] {
  const rows = [...rowsOf(view, fleetKeys.vlans).values()];
  const vms = [...rowsOf(view, fleetKeys.vms).values()];
  const listed = rows.map((row) => nameOfVlan(row.Vlan, row.Namespace, row.Alias));
  const uses = vms.flatMap((vm) =>
    namesOfVm(vm).map((name) => {
      const holders = listed.filter(({ vlan }) => vlan === name.vlan).sort((a, b) => (a.key < b.key ? -1 : 1));
      const isHeld = name.alias !== '' || holders.length === 0 || holders.some(({ key }) => key === name.key);
      return { vm, name: isHeld ? name : (holders[0] ?? name) };
    }),
  );
  const all = new Map([...listed, ...uses.map(({ name }) => name)].map((name) => [name.key, name]));
  return [...all.values()].sort(compareVlans).map((name) => {
    const on = new Map<string, FleetVm>();
    for (const { vm, name: used } of uses) if (used.key === name.key) on.set(`${vm.Node} ${vm.Id}`, vm);
    const cells = nodeNames.flatMap((node) => {
      const here = [...on.values()].filter(({ Node }) => Node === `id-${node}`);
      return here.length === 0
        ? []
        : [`${node} ${here.filter(({ State }) => State === 'RUNNING').length}/${here.length}`];
    });
    const row = rows.find((each) => nameOfVlan(each.Vlan, each.Namespace, each.Alias).key === name.key);
    const flags = [
      ...(row ? [] : ['unlisted']),
      ...(row?.Split === true ? ['split'] : []),
      ...(row?.Clash === true ? ['clash'] : []),
    ];
    return [`${name.namespace}//${name.alias} ${name.vlan}:`, ...cells, ...flags].join(' ');
  });
}

/** As `texts`, for nodes that have no column too. */
const withAllNodes = (map: VlanMap) =>
  texts({
    ...map,
    nodes: nodeNames.map((name) => ({ id: `id-${name}`, name, state: 'member', bridge: null, uplink: null })),
  });

test('by deltas it becomes what the rows say, and what a new index makes of them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let view = testFleet({ nodes });
      const index = new VlanIndex('c1', view);
      for (const { put, gone } of steps) {
        const delta = testDelta(view, put, gone);
        view = applyFleetDelta(view, delta);
        const before = index.current;
        const map = index.follow(delta.Kinds, view);
        expect(withAllNodes(map)).toEqual(expected(view));
        const fresh = new VlanIndex('c1', view).current;
        expect(map).toEqual(fresh);
        // What stayed the same object has nothing new to show.
        for (const vlan of map.vlans)
          if (before.byKey.get(vlan.key) === vlan) expect(fresh.byKey.get(vlan.key)).toEqual(vlan);
      }
    }),
    { numRuns: 200 },
  );
});
