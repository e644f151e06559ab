import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { namespaces as namespacesKind } from '../../contract/cluster-kinds.ts';
import { defineKind, type RowOf } from '../../contract/kinds.ts';
import type { VlanRange } from '../../core/vlans/table.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedNamespaces } from '../namespaces/simulated-namespaces.ts';
import { ClusterRows } from './cluster-rows.ts';
import { namespaceSource } from './namespace-rows.ts';

/** As much of a VM's row as counts here. */
const vms = defineKind({
  name: 'vms',
  key: ['Node', 'Id'],
  owner: 'Node',
  bound: 100,
  row: z.object({ Node: z.string(), Id: z.int(), Namespace: z.string() }),
});

let nodes: SimulatedNamespaces;
let rows: ClusterRows;
let changed: unknown[];
let range: VlanRange | null;
let rangesChanged: () => void;
let stop: () => void;

function start(kinds: ConstructorParameters<typeof ClusterRows>[0], before: readonly RowOf<typeof vms>[] = []): void {
  rows = new ClusterRows(kinds);
  for (const vm of before) rows.put(vms, vm);
  rows.onChange((kind, key, change) => {
    if (kind === namespacesKind) changed.push(change ?? `${key} is gone`);
  });
  const source = namespaceSource({
    namespaces: nodes.at(0),
    vlans: {
      range: (name) => (name === 'exp' ? range : { min: 101, max: 4096 }),
      onChange: (listener) => {
        rangesChanged = listener;
        return () => undefined;
      },
    },
  });
  const sink = {
    put: (change: object) => {
      rows.put(namespacesKind, change);
    },
    drop: (key: string) => {
      rows.drop(namespacesKind, key);
    },
  };
  stop = source.start(sink, rows);
}

beforeEach(async () => {
  nodes = await SimulatedNamespaces.create({ size: 2 }, new VirtualClock());
  await nodes.run(nodes.at(0).mention('exp'));
  changed = [];
  range = null;
  start([namespacesKind, vms]);
});
afterEach(() => nodes.stopAll());

const row = (name: string) => rows.table(namespacesKind).get(name);

test('each namespace has a row with its facts, the default one too', () => {
  expect(row('minimega')).toEqual({
    Name: 'minimega',
    AllBut: false,
    Hosts: [],
    Load: '',
    VlanMin: 101,
    VlanMax: 4095,
    Vms: 0,
  });
  expect(row('exp')).toEqual({
    Name: 'exp',
    AllBut: true,
    Hosts: [nodes.sim.node(0).id],
    Load: 'cpucommit',
    VlanMin: null,
    VlanMax: null,
    Vms: 0,
  });
});

test('only what changes is put: hosts, load, VLANs, and that it is gone', async () => {
  changed = [];
  await nodes.run(nodes.at(0).setLoad('exp', 'netcommit'));
  range = { min: 200, max: 300 };
  rangesChanged();
  await nodes.run(nodes.at(0).deleteHosts('exp', 'all'));
  await nodes.clear(0, 'exp');
  expect(changed).toEqual([
    { Name: 'exp', Load: 'netcommit' },
    { Name: 'exp', VlanMin: 200, VlanMax: 299 },
    { Name: 'exp', AllBut: false, Hosts: [] },
    'exp is gone',
  ]);
});

test('VMs of all nodes are counted by their rows', () => {
  changed = [];
  rows.put(vms, { Node: 'a', Id: 1, Namespace: 'exp' });
  rows.put(vms, { Node: 'b', Id: 1, Namespace: 'exp' });
  rows.put(vms, { Node: 'b', Id: 2, Namespace: 'nowhere' });
  rows.drop(vms, 'a 1');
  expect(changed).toEqual([
    { Name: 'exp', Vms: 1 },
    { Name: 'exp', Vms: 2 },
    { Name: 'exp', Vms: 1 },
  ]);
  rows.forget('b');
  expect(row('exp')?.Vms).toBe(0);
});

test('nothing is left when nobody wants the rows', () => {
  stop();
  rows.put(vms, { Node: 'a', Id: 1, Namespace: 'exp' });
  expect([...rows.table(namespacesKind).keys()]).toEqual([]);
});

test('VMs that are there when somebody wants the rows count', () => {
  stop();
  start([namespacesKind, vms], [{ Node: 'a', Id: 1, Namespace: 'exp' }]);
  expect(row('exp')?.Vms).toBe(1);
});

test('where VMs have no rows, their number is not known', () => {
  stop();
  start([namespacesKind]);
  expect(row('exp')?.Vms).toBeNull();
});
