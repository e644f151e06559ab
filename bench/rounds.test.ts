import { expect, test } from 'vitest';
import { forEachParallel, interleave, within } from './rounds.ts';

test('sides take turns, and the first changes from round to round', async () => {
  const order: string[] = [];
  const side = (name: string) => ({
    name,
    measure: (round: number) => {
      order.push(name);
      return Promise.resolve(`${name}${round}`);
    },
  });
  const results = await interleave([side('a'), side('b')], { rounds: 3, signal: new AbortController().signal });
  expect(order.join('')).toBe('abbaab');
  expect(results.get('b')).toEqual(['b0', 'b1', 'b2']);
});

test('an abort ends it between two measurements', async () => {
  const abort = new AbortController();
  const once = {
    name: 'once',
    measure: () => {
      abort.abort(new Error('enough'));
      return Promise.resolve(1);
    },
  };
  await expect(interleave([once], { rounds: 9, signal: abort.signal })).rejects.toThrow('enough');
});

test('no more than the cap run at once, and all run', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await forEachParallel([1, 2, 3, 4, 5], 2, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    done.push(item);
  });
  expect(most).toBe(2);
  expect(done.sort()).toEqual([1, 2, 3, 4, 5]);
});

test('a deadline says what was missing', async () => {
  await expect(within(new Promise(() => undefined), 5, () => 'node3')).rejects.toThrow('not within 5 ms: node3');
});
