import { expect, test } from 'vitest';
import { pauseMs, pollTimes } from './cluster-poll.ts';

const { nearMs, farMs, fastMs } = pollTimes;

test('pauses are a share of the round before, so that a slow minimega has little to do', () => {
  expect(pauseMs(pollTimes, { idleMs: nearMs, tookMs: 20, isActive: false })).toBe(nearMs);
  expect(pauseMs(pollTimes, { idleMs: nearMs, tookMs: 1_000, isActive: false })).toBe(50_000);
  expect(pauseMs(pollTimes, { idleMs: nearMs, tookMs: 20, isActive: true })).toBe(fastMs);
  expect(pauseMs(pollTimes, { idleMs: nearMs, tookMs: 1_000, isActive: true })).toBe(4_000);
});

test.each([true, false])('a round that waited for a silent node is repeated soon (active: %s)', (isActive) => {
  expect(pauseMs(pollTimes, { idleMs: nearMs, tookMs: 60_000, isActive })).toBe(farMs);
});
