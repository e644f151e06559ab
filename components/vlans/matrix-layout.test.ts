import { expect, test } from 'vitest';
import { fixedColumns, nodeWidth, placeAfter, shortNode } from './matrix-layout.ts';
import type { MapNode } from './vlan-view.ts';

const node = (name: string): MapNode => ({ id: name, name, state: 'member', bridge: null, uplink: null });

test.each([
  ['ArrowDown', false, { row: 3, column: 2 }],
  ['ArrowUp', false, { row: 1, column: 2 }],
  ['ArrowRight', false, { row: 2, column: 3 }],
  ['ArrowLeft', false, { row: 2, column: 1 }],
  ['PageDown', false, { row: 7, column: 2 }],
  ['PageUp', false, { row: 0, column: 2 }],
  ['Home', false, { row: 2, column: 0 }],
  ['End', false, { row: 2, column: 5 }],
  ['Home', true, { row: 0, column: 0 }],
  ['End', true, { row: 9, column: 5 }],
  ['a', false, null],
])('%s (ctrl %s) leads to %j', (key, ctrlKey, place) => {
  expect(placeAfter({ row: 2, column: 2 }, { key, ctrlKey }, { rows: 10, columns: 6, page: 5 })).toEqual(place);
});

test('the header is above the first row, and the edges hold', () => {
  const counts = { rows: 2, columns: 2, page: 5 };
  const from = (row: number, column: number, key: string) =>
    placeAfter({ row, column }, { key, ctrlKey: false }, counts);
  expect(from(0, 0, 'ArrowUp')).toEqual({ row: -1, column: 0 });
  expect(from(-1, 0, 'ArrowUp')).toEqual({ row: -1, column: 0 });
  expect(from(1, 1, 'ArrowDown')).toEqual({ row: 1, column: 1 });
  expect(from(1, 1, 'ArrowRight')).toEqual({ row: 1, column: 1 });
});

test('columns are as wide as names need, and a long name keeps its number', () => {
  expect(nodeWidth([node('n1')])).toBe(60);
  expect(nodeWidth([node('n1'), node('compute-12')])).toBeGreaterThan(90);
  expect(nodeWidth([node('x'.repeat(200))])).toBe(nodeWidth([node('x'.repeat(14))]));
  expect([shortNode('node12'), shortNode('rack-3-compute-node-12')]).toEqual(['node12', '…mpute-node-12']);
});

test('with one namespace its column is left out', () => {
  expect(fixedColumns(false).map(({ id }) => id)).toEqual(['alias', 'vlan', 'vms']);
  expect(fixedColumns(true)).toHaveLength(4);
});
