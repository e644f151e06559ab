import { afterEach, expect, it, vi } from 'vitest';
import { createRetention, kept } from './retention.ts';
import { silentLog } from './parts-for-tests.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('prunes each hour, continues after a failure, and finishes its work when it is stopped', async () => {
  vi.useFakeTimers();
  const asked: unknown[] = [];
  const logged: string[] = [];
  let end: (() => void) | undefined;
  const prune = (what: unknown, signal: AbortSignal) => {
    asked.push(what);
    if (asked.length === 1) return Promise.reject(new Error('disk full'));
    return new Promise<void>((resolve) => {
      end = resolve;
      signal.addEventListener('abort', () => asked.push('aborted'));
    });
  };
  const retention = createRetention(
    { log: { ...silentLog, error: (text) => logged.push(text) } },
    { store: { prune } },
  );
  await retention.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual([kept]);
  expect(logged).toEqual(['pruning the database: disk full']);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(asked).toHaveLength(2);
  const stopped = retention.stop();
  expect(asked.at(-1)).toBe('aborted');
  let isStopped = false;
  void stopped.then(() => (isStopped = true));
  await vi.advanceTimersByTimeAsync(0);
  expect(isStopped).toBe(false);
  end?.();
  await stopped;
  expect(vi.getTimerCount()).toBe(0);
});
