import { expect, test } from 'vitest';
import { maxVlan } from './names.ts';
import { Owners } from './owners.ts';

const ids = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => (at + from + 1).toString(16).padStart(32, '0'));
const numbers = Array.from({ length: maxVlan }, (_, at) => at + 1);

test('nodes with the same members name the same owner, in whatever order the roster has them', () => {
  const one = new Owners(ids(20));
  const other = new Owners(ids(20).reverse());
  for (const vlan of numbers) expect(one.ofNumber(vlan)).toBe(other.ofNumber(vlan));
  expect(one.ofAlias({ namespace: 'exp1', alias: 'lan' })).toEqual(other.ofAlias({ namespace: 'exp1', alias: 'lan' }));
});

test('each member owns about its share', () => {
  const owners = new Owners(ids(10));
  const counts = new Map<string, number>();
  for (const vlan of numbers)
    counts.set(owners.ofNumber(vlan) ?? '', (counts.get(owners.ofNumber(vlan) ?? '') ?? 0) + 1);
  expect(counts.size).toBe(10);
  for (const count of counts.values()) {
    expect(count).toBeGreaterThan(maxVlan / 10 / 2);
    expect(count).toBeLessThan((maxVlan / 10) * 2);
  }
});

test('a new member takes numbers, and no others change hands', () => {
  const before = new Owners(ids(10));
  const after = new Owners(ids(11));
  const [newcomer] = ids(1, 10);
  for (const vlan of numbers) {
    if (after.ofNumber(vlan) !== newcomer) expect(after.ofNumber(vlan)).toBe(before.ofNumber(vlan));
  }
  expect(numbers.some((vlan) => after.ofNumber(vlan) === newcomer)).toBe(true);
});

test('an alias has all members in one order, and who is missing is skipped', () => {
  const name = { namespace: 'minimega', alias: 'alpha' };
  const all = new Owners(ids(8)).ofAlias(name);
  expect([...all].sort()).toEqual(ids(8));
  const without = new Owners(ids(8).filter((id) => id !== all[0])).ofAlias(name);
  expect(without).toEqual(all.slice(1));
});

test('nobody owns anything in a roster without members', () => {
  expect(new Owners([]).ofNumber(5)).toBeUndefined();
  expect(new Owners([]).ofAlias({ namespace: 'a', alias: 'b' })).toEqual([]);
});
