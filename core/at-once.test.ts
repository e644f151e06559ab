import { expect, test } from 'vitest';
import { mapAtOnce } from './at-once.ts';

/** Work that ends when the test says so, and what of it has begun. */
function held() {
  const ends: (() => void)[] = [];
  return { ends, work: (item: number) => new Promise<number>((resolve) => void ends.push(() => resolve(item * 2))) };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('so many at once, results in the order of the items', async () => {
  const { ends, work } = held();
  const all = mapAtOnce([1, 2, 3, 4, 5], 2, work);
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await settled();
  expect(ends).toHaveLength(3);
  while (ends.length < 5) {
    for (const end of ends) end();
    await settled();
  }
  for (const end of ends) end();
  expect(await all).toEqual([2, 4, 6, 8, 10]);
  expect(await mapAtOnce([], 2, work)).toEqual([]);
});

test('the first failure is the whole one', async () => {
  const work = (item: number) => (item === 2 ? Promise.reject(new Error('no')) : Promise.resolve(item));
  await expect(mapAtOnce([1, 2, 3], 1, work)).rejects.toThrow('no');
});
