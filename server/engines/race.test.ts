import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { raceStaggered } from './race.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = new AbortController().signal;
const after = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(resolve, ms, value));

test('the next starts when the one before is late, the first to arrive wins, and the late one is discarded', async () => {
  const started: string[] = [];
  const discarded: string[] = [];
  const race = raceStaggered(
    ['a', 'b', 'c'],
    (item) => {
      started.push(item);
      return after(item === 'a' ? 1_000 : 100, item);
    },
    { staggerMs: 250, signal: never, discard: (late) => discarded.push(late) },
  );
  await vi.advanceTimersByTimeAsync(240);
  expect(started).toEqual(['a']);
  await vi.advanceTimersByTimeAsync(110);
  expect(await race).toBe('b');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(started).toEqual(['a', 'b']);
  expect(discarded).toEqual(['a']);
});

test('a failure starts the next at once; when all fail, the error names all reasons', async () => {
  const race = raceStaggered(['a', 'b'], (item) => Promise.reject(new AppError('unreachable', `${item} is off`)), {
    staggerMs: 10_000,
    signal: never,
    discard: () => undefined,
  });
  await expect(race).rejects.toMatchObject({ code: 'unreachable', message: 'a is off; b is off' });
});

test('aborts the losers, and all attempts when the caller gives up', async () => {
  const aborted: string[] = [];
  const attempt = (item: string, signal: AbortSignal) => {
    signal.addEventListener('abort', () => aborted.push(item));
    return after(item === 'b' ? 10 : 5_000, item);
  };
  const first = raceStaggered(['a', 'b'], attempt, { staggerMs: 10, signal: never, discard: () => undefined });
  await vi.advanceTimersByTimeAsync(30);
  expect(await first).toBe('b');
  expect(aborted).toContain('a');
  const stop = new AbortController();
  const second = raceStaggered(['c'], attempt, { staggerMs: 10, signal: stop.signal, discard: () => undefined });
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  expect(aborted).toContain('c');
});

test('nothing to try is an error', async () => {
  await expect(
    raceStaggered([], () => Promise.resolve(1), { staggerMs: 1, signal: never, discard: () => undefined }),
  ).rejects.toMatchObject({ code: 'unreachable' });
});
