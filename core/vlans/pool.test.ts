import { expect, test } from 'vitest';
import { parseVlanRange, VlanPools } from './pool.ts';
import { VlanTable, type RangeRow, type VlanRow } from './table.ts';

const node = '0'.repeat(32);
const held = (vlan: number, state: VlanRow['state'] = 'held'): VlanRow => ({
  vlan,
  namespace: 'minimega',
  alias: `a${vlan}`,
  state,
  pinned: false,
  forced: false,
  counter: 1,
  node,
});
const own = (namespace: string, min: number, max: number): RangeRow => ({
  namespace,
  range: { min, max },
  counter: 1,
  node,
});
const anything = () => true;
const nothing = () => false;

function pools(rows: VlanRow[] = [], ranges: RangeRow[] = []): VlanPools {
  const table = new VlanTable();
  table.merge({ rows, ranges });
  return new VlanPools(table, { min: 101, max: 4096 });
}

test.each([
  ['abc', '10', 'expected integer values for min/max'],
  ['10', '', 'expected integer values for min/max'],
  ['310', '300', 'expected min > max'],
  ['10', '10', 'expected min > max'],
  ['0', '10', 'invalid VLAN range (0 < min < max <= 4096)'],
  ['100', '5000', 'invalid VLAN range (0 < min < max <= 4096)'],
])('the range %s %s is refused: %s', (min, max, message) => {
  expect(parseVlanRange(min, max)).toEqual({ ok: false, message });
});

test('a range has its maximum excluded, and 4095 and 0 are never in it', () => {
  expect(parseVlanRange('101', '4096')).toEqual({ ok: true, value: { min: 101, max: 4096 } });
  const numbers = [...pools([], [own('minimega', 4090, 4096)]).numbers('minimega')];
  expect(numbers).toEqual([4090, 4091, 4092, 4093, 4094]);
});

test('the flag is the range of all namespaces until someone sets another', () => {
  expect(pools().range('minimega')).toEqual({ min: 101, max: 4096 });
  expect(pools().range('exp1')).toEqual({ min: 101, max: 4096 });
  expect(pools().ownRange('exp1')).toBeNull();
  expect(pools([], [own('minimega', 300, 310)]).range('exp1')).toEqual({ min: 300, max: 310 });
  expect(pools([], [own('exp1', 120, 122)]).ownRange('exp1')).toEqual({ min: 120, max: 122 });
});

test('numbers that a namespace has for itself are nobody else’s', () => {
  const of = pools([], [own('minimega', 120, 126), own('exp1', 121, 123)]);
  expect([...of.numbers('minimega')]).toEqual([120, 123, 124, 125]);
  expect([...of.numbers('exp2')]).toEqual([120, 123, 124, 125]);
  expect([...of.numbers('exp1')]).toEqual([121, 122]);
  expect(of.reservedFor(121)).toBe('exp1');
  expect(of.reservedFor(120)).toBeNull();
});

test('ranges of two namespaces do not overlap, and any may lie in the default one', () => {
  const of = pools([], [own('exp1', 120, 130)]);
  expect(of.overlapping('exp2', { min: 129, max: 140 })).toBe('exp1');
  expect(of.overlapping('exp2', { min: 130, max: 140 })).toBeNull();
  expect(of.overlapping('exp1', { min: 125, max: 140 })).toBeNull();
  expect(of.overlapping('minimega', { min: 100, max: 4000 })).toBeNull();
});

test('the next number is the lowest that nobody had, then the lowest that has rested', () => {
  const range = own('minimega', 101, 105);
  const of = pools([held(101), held(102, 'released')], [range]);
  expect(of.next('minimega', anything, anything)).toBe(103);
  expect(of.next('minimega', (vlan) => vlan !== 103, anything)).toBe(104);
  const full = pools([held(101), held(102, 'released'), held(103), held(104)], [range]);
  expect(full.next('minimega', anything, nothing)).toBeNull();
  expect(full.next('minimega', anything, anything)).toBe(102);
  expect(full.next('minimega', nothing, anything)).toBeNull();
});
