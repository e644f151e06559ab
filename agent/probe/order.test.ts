// What people type behind `vlans probe`, and what is wrong with it.
import { expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { VlanTable, type VlanRow } from '../../core/vlans/table.ts';
import { readOrder, type OrderSurroundings } from './order.ts';

const row = (vlan: number, alias: string, namespace = 'lab'): VlanRow => ({
  ...{ vlan, alias, namespace: alias === '' ? '' : namespace, state: 'held', pinned: false, forced: false },
  ...{ counter: 1, node: '0'.repeat(32) },
});
const table = new VlanTable();
table.merge({
  rows: [row(100, 'lan'), row(101, 'dmz'), row(102, '10-20'), row(120, 'far', 'other'), row(150, ''), row(160, '')],
  ranges: [],
});
const members = ['node1', 'node2', 'node10'].map((name, at) => ({
  ...{ id: String(at), name, addresses: [], port: 9000, keyHash: '', state: 'member' as const },
}));
const surroundings: OrderSurroundings = {
  ...{ namespace: 'lab', table, members, hosts: ['node1', 'node10'] },
  networks: () => [
    { nodeId: '0', namespace: 'lab', vlan: 160 },
    { nodeId: '1', namespace: 'other', vlan: 120 },
    { nodeId: '1', namespace: 'lab', vlan: -1 },
  ],
};
const read = (vlans?: string, nodes?: string, change: Partial<OrderSurroundings> = {}) => {
  try {
    const order = readOrder({ vlans, nodes }, { ...surroundings, ...change });
    const numbers = order.vlans.map(({ vlan, alias }) => (alias === '' ? String(vlan) : `${alias}=${vlan}`));
    return `${numbers.join(' ')} on ${order.nodes.map(({ name }) => name).join(' ')}`;
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`;
    throw error;
  }
};

test('without words: all VLANs that the namespace uses, between all its hosts', () => {
  expect(read()).toBe('lan=100 dmz=101 10-20=102 160 on node1 node10');
  expect(read(undefined, undefined, { hosts: ['node2'] })).toMatch(/on node1 node2 node10$/);
  expect(read(undefined, undefined, { namespace: 'empty' })).toBe(
    'invalid: the namespace empty has no VLANs: name some, as in `vlans probe 100-120` or `vlans probe lan`',
  );
});

test.each([
  ['lan', 'lan=100'],
  ['other//far', 'other//far=120'],
  ['120', 'other//far=120'],
  ['103-105,lan,104', 'lan=100 103 104 105'],
  ['10-20', '10-20=102'],
  ['1,4094,160', '1 160 4094'],
])('VLANs %s', (text, vlans) => {
  expect(read(text)).toBe(`${vlans} on node1 node10`);
});

test.each([
  ['0', 'invalid: 0: invalid VLAN (0 < vlan < 4095)'],
  ['4095', 'invalid: 4095: invalid VLAN (0 < vlan < 4095)'],
  ['4000-4095', 'invalid: 4095: invalid VLAN (0 < vlan < 4095)'],
  ['-5', 'invalid: -5: invalid VLAN (0 < vlan < 4095)'],
  ['120-110', 'invalid: 120-110: the first number of a range is the lower one'],
  ['150', 'refused: VLAN 150 is blacklisted, so no frame is sent there: leave it out'],
  ['149-151,lan', 'refused: VLAN 150 is blacklisted, so no frame is sent there: leave it out'],
  ['wan', 'not-found: no alias wan in the namespace lab: `vlans` shows its aliases'],
  ['lan,,dmz', 'invalid: VLAN must be non-empty string'],
])('VLANs %s are refused', (text, error) => {
  expect(read(text)).toBe(error);
});

test('nodes: a range, or all of them', () => {
  expect(read('lan', 'node[1-2]')).toBe('lan=100 on node1 node2');
  expect(read('lan', 'node10,node2,node2')).toBe('lan=100 on node2 node10');
  expect(read('lan', 'all')).toBe('lan=100 on node1 node2 node10');
  expect(read('lan', 'node7')).toBe('not-found: no node node7 in the roster');
  expect(read('lan', 'node[3-1]')).toMatch(/^invalid: /);
});
