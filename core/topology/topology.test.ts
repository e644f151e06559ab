import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { criticalParts, type Edge } from './critical.ts';

const edges = (...pairs: string[]): Edge[] => pairs.map((pair) => ({ A: pair[0]!, B: pair[1]! }));

/** Parts by plain search, for comparison. */
function countParts(ids: readonly string[], links: readonly Edge[]): number {
  const left = new Set(ids);
  let count = 0;
  for (const id of ids) {
    if (!left.has(id)) continue;
    count += 1;
    const queue = [id];
    left.delete(id);
    for (const at of queue) {
      for (const { A, B } of links) {
        const other = A === at ? B : B === at ? A : null;
        if (other !== null && left.delete(other)) queue.push(other);
      }
    }
  }
  return count;
}

describe('critical parts', () => {
  test('of a chain everything between its ends is one, of a ring nothing', () => {
    const chain = criticalParts('abcd', edges('ab', 'bc', 'cd'));
    expect([...chain.cutNodes].sort()).toEqual(['b', 'c']);
    expect(chain.cutLinks).toHaveLength(3);
    const ring = criticalParts('abcd', edges('ab', 'bc', 'cd', 'da'));
    expect(ring.cutNodes.size + ring.cutLinks.length).toBe(0);
  });

  test('two rings that share a node hang by it', () => {
    const found = criticalParts('abcde', edges('ab', 'bc', 'ca', 'cd', 'de', 'ec'));
    expect([...found.cutNodes]).toEqual(['c']);
    expect(found.cutLinks).toEqual([]);
  });

  test('parts come largest first, and a node alone is one', () => {
    expect(criticalParts('abcd', edges('bc', 'bx', 'cc')).parts).toEqual([['b', 'c'], ['a'], ['d']]);
  });

  test('a link that exists twice is not a cut link', () => {
    expect(criticalParts('ab', edges('ab', 'ba')).cutLinks).toEqual([]);
  });

  test('are exactly those whose loss makes more parts', () => {
    const ids = Array.from('abcdefgh');
    const pair = fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids)).filter(([a, b]) => a < b);
    const links = fc
      .uniqueArray(pair, { selector: ([a, b]) => a + b, maxLength: 14 })
      .map((pairs) => pairs.map(([A, B]) => ({ A, B })));
    fc.assert(
      fc.property(links, (list) => {
        const { cutNodes, cutLinks, parts } = criticalParts(ids, list);
        const before = countParts(ids, list);
        expect(parts).toHaveLength(before);
        for (const id of ids) {
          const without = ids.filter((each) => each !== id);
          const isAlone = !list.some(({ A, B }) => A === id || B === id);
          const after =
            countParts(
              without,
              list.filter(({ A, B }) => A !== id && B !== id),
            ) + (isAlone ? 1 : 0);
          expect(cutNodes.has(id)).toBe(after > before);
        }
        for (const link of list) {
          const after = countParts(
            ids,
            list.filter((each) => each !== link),
          );
          expect(cutLinks.includes(link)).toBe(after > before);
        }
      }),
    );
  });

  test('handles a chain of 5,000 nodes', () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `n${index}`);
    const chain = ids.slice(1).map((id, index) => ({ A: ids[index]!, B: id }));
    expect(criticalParts(ids, chain).cutNodes.size).toBe(4_998);
  });
});
