import { afterEach, beforeEach, expect, test } from 'vitest';
import { vlans } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { RowData } from '../../contract/kinds.ts';
import { Rows } from '../../core/rows.ts';
import type { VlanRow } from '../../core/vlans/table.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedVlans } from '../vlans/simulated-vlans.ts';
import { ClusterRows } from './cluster-rows.ts';
import { vlanSource } from './vlan-rows.ts';

let nodes: SimulatedVlans;
let shown: Rows;
let puts: RowData[];
let stop: () => void;
let rosterChanged: () => void;

const row = (vlan: number, alias: string, more: Partial<VlanRow> = {}): VlanRow => ({
  vlan,
  namespace: 'minimega',
  alias,
  state: 'held',
  pinned: false,
  forced: false,
  counter: 1,
  node: '1'.repeat(32),
  ...more,
});
const merge = (...rows: VlanRow[]) => nodes.at(0).state.merge({ rows, ranges: [] });
const texts = () =>
  [...shown.values()]
    .map(
      ({ Vlan, Alias, Split, Clash }) =>
        `${String(Vlan)} ${String(Alias)}${Split ? ' split' : ''}${Clash ? ' clash' : ''}`,
    )
    .sort();

beforeEach(async () => {
  nodes = await SimulatedVlans.create({ size: 1, degree: 0 }, new VirtualClock());
  await nodes.startAll();
  merge(row(101, 'alpha'), row(102, 'beta'), row(103, 'gone', { state: 'released' }));
  shown = new Rows(vlans);
  puts = [];
  const source = vlanSource(nodes.at(0).state, (listener) => {
    rosterChanged = listener;
    return () => undefined;
  });
  stop = source.start(
    {
      put: (change) => {
        const changed = shown.put(change);
        if (changed) puts.push(changed);
      },
      drop: (key) => void shown.drop(key),
    },
    new ClusterRows([]),
  );
});
afterEach(() => nodes.stopAll());

test('the rows that are held are there at once, with the node that decides on each', () => {
  expect(texts()).toEqual(['101 alpha', '102 beta']);
  expect([...shown.values()].map(({ Owner }) => Owner)).toEqual([nodes.sim.node(0).id, nodes.sim.node(0).id]);
});

test('an alias that gets a second number is split on both, and no other row is looked at', () => {
  puts.length = 0;
  merge(row(110, 'alpha'));
  expect(texts()).toEqual(['101 alpha split', '102 beta', '110 alpha split']);
  expect(puts.map((put) => keyOf(vlans, put)).sort()).toEqual(['101 minimega alpha', '110 minimega alpha']);
  merge(row(101, 'alpha', { state: 'released', counter: 2 }));
  expect(texts()).toEqual(['102 beta', '110 alpha']);
});

test('a number that goes to another alias leaves the first one whole', () => {
  merge(row(110, 'alpha'));
  merge(row(110, 'gamma', { counter: 2 }));
  expect(texts()).toEqual(['101 alpha', '102 beta', '110 gamma']);
});

test('a forced number with two holders is a clash of both', () => {
  merge(row(101, 'delta', { forced: true }));
  expect(texts()).toEqual(['101 alpha clash', '101 delta clash', '102 beta']);
});

test('an alias that was forced and given too is one row', () => {
  merge(row(101, 'alpha', { forced: true }));
  expect(texts()).toEqual(['101 alpha', '102 beta']);
});

test('numbers that are used as they are have rows too, and are not split', () => {
  merge(row(7, '', { namespace: '' }), row(8, '', { namespace: '' }));
  expect(texts()).toEqual(['101 alpha', '102 beta', '7 ', '8 ']);
});

test('what nobody wants is gone, and nothing more comes', () => {
  stop();
  expect(texts()).toEqual([]);
  merge(row(120, 'late'));
  expect(texts()).toEqual([]);
});

test('a new roster changes the owners, and no more', () => {
  puts.length = 0;
  rosterChanged();
  expect(puts).toEqual([]);
});
