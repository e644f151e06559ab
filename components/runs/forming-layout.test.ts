import { expect, it } from 'vitest';
import { countMesh, ringSpots } from './forming-layout.ts';

it('puts nodes on a ring, the first on top, none outside', () => {
  const spots = ringSpots(4, 100, 40);
  expect(spots[0]!.x).toBeCloseTo(50);
  expect(spots[0]!.y).toBeCloseTo(10);
  expect(spots[2]!.y).toBeCloseTo(90);
  expect(ringSpots(0, 100, 40)).toEqual([]);
});

it('counts who is there, and links only between nodes that are', () => {
  const links = [
    { a: 'node1', b: 'node2' },
    { a: 'node1', b: 'node3' },
    { a: 'node1', b: 'other' },
  ];
  expect(countMesh(['node1', 'node2', 'node3'], new Set(['node1', 'node2', 'other']), links)).toEqual({
    here: 2,
    wanted: 3,
    links: 1,
    missing: ['node3'],
  });
});
