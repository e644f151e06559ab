// Covers: every edge is touched, by as few vertices as an exhaustive search finds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findCover } from './cover.ts';

const edgesOf = (vertices: number) =>
  fc
    .array(fc.tuple(fc.nat(vertices - 1), fc.nat(vertices - 1)), { maxLength: 18 })
    .map((edges) => edges.filter(([a, b]) => a !== b));

function smallest(edges: readonly (readonly [number, number])[], vertices: number): number {
  let best = vertices;
  for (let set = 0; set < 1 << vertices; set += 1) {
    const has = (vertex: number) => (set & (1 << vertex)) !== 0;
    const size = Array.from({ length: vertices }, (_, vertex) => vertex).filter(has).length;
    if (size < best && edges.every(([a, b]) => has(a) || has(b))) best = size;
  }
  return best;
}

test('a cover touches every edge, and none is smaller', () => {
  fc.assert(
    fc.property(edgesOf(8), (edges) => {
      const { vertices } = findCover(edges);
      expect(edges.every(([a, b]) => vertices.has(a) || vertices.has(b))).toBe(true);
      expect(vertices.size).toBe(smallest(edges, 8));
    }),
  );
});

test('a vertex with others in its place can be left out for them', () => {
  fc.assert(
    fc.property(edgesOf(8), (edges) => {
      const { vertices, instead } = findCover(edges);
      for (const [vertex, others] of instead) {
        expect(others.length).toBeGreaterThan(0);
        expect(vertices.has(vertex)).toBe(true);
        for (const other of others) expect(vertices.has(other)).toBe(false);
      }
    }),
  );
  expect(findCover([[1, 2]]).instead).toEqual(new Map([[1, [2]]]));
  const star = findCover([
    [3, 1],
    [3, 2],
    [4, 3],
  ]);
  expect([...star.vertices]).toEqual([3]);
  expect(star.instead.size).toBe(0);
});

test('a large graph is covered without an endless search', () => {
  const edges = Array.from({ length: 200 }, (_, a) =>
    Array.from({ length: 5 }, (_, step) => [a, (a * 7 + step * 31 + 1) % 200] as const),
  )
    .flat()
    .filter(([a, b]) => a !== b);
  const { vertices } = findCover(edges);
  expect(edges.every(([a, b]) => vertices.has(a) || vertices.has(b))).toBe(true);
});
