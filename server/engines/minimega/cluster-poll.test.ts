// How often a minimega is asked, by a clock that the test moves.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { clusterKinds } from '../../../contract/cluster-kinds.ts';
import { responseEntry, type ResponseEntry } from '../../../contract/command-socket.ts';
import { emptyPicture } from './cluster-picture.ts';
import { Activity, ClusterPoll, pauseMs, pollTimes } from './cluster-poll.ts';

/** Answers as a minimega that is alone, `tookMs` after each question. */
class Answerer {
  readonly askedAt: number[] = [];
  tookMs = 0;
  isClosed = false;
  list = 'node1\n';

  async ask(line: string): Promise<ResponseEntry[]> {
    if (line === 'mesh list') this.askedAt.push(performance.now());
    if (this.tookMs > 0) await new Promise((resolve) => setTimeout(resolve, this.tookMs));
    if (line === 'mesh timeout') return [responseEntry('node1', { Response: '60s' })];
    if (line === 'mesh list') return [responseEntry('node1', { Response: this.list })];
    return [responseEntry('node1')];
  }

  close(): void {
    this.isClosed = true;
  }

  /** Rounds from a time on. */
  since(from: number): number {
    return this.askedAt.filter((at) => at > from).length;
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function start(near: Answerer) {
  const activity = new Activity();
  const poll = new ClusterPoll(
    { times: pollTimes, identity: { mesh: 'm', context: 'c', self: 'm.node1' }, kinds: clusterKinds },
    { near, picture: emptyPicture('m', 'node1', new Set()), openFar: () => Promise.resolve(new Answerer()) },
  );
  const reading = (async () => {
    const changes = poll.changes(activity);
    while (!(await changes.next()).done);
  })().catch(() => undefined);
  // Past what the beginning stirs.
  await vi.advanceTimersByTimeAsync(120_000);
  const roundsIn = async (ms: number) => {
    const from = performance.now();
    await vi.advanceTimersByTimeAsync(ms);
    return near.since(from);
  };
  return {
    activity,
    roundsIn,
    stop: async () => {
      poll.end();
      await reading;
    },
  };
}

test('asks seldom while nothing moves, and often for a while after somebody acted', async () => {
  const { activity, roundsIn, stop } = await start(new Answerer());
  expect(await roundsIn(40_000)).toBe(10);
  activity.note();
  expect(await roundsIn(20_000)).toBeGreaterThanOrEqual(20);
  await roundsIn(20_000);
  expect(await roundsIn(40_000)).toBe(10);
  await stop();
});

test('asks often after something moved on its own', async () => {
  const near = new Answerer();
  const { roundsIn, stop } = await start(near);
  near.list = 'node1\n |--node2\nnode2\n |--node1\n';
  await roundsIn(4_000);
  expect(await roundsIn(20_000)).toBeGreaterThanOrEqual(19);
  await stop();
});

test('takes less than a fiftieth of the time of a slow node that is idle', async () => {
  const near = new Answerer();
  const { roundsIn, stop } = await start(near);
  near.tookMs = 200;
  await roundsIn(60_000);
  // Three questions of 200 ms each make a round; 31 s at least are between two of them.
  expect(await roundsIn(310_000)).toBeLessThanOrEqual(10);
  await stop();
});

test('who ends it ends its pauses', async () => {
  const near = new Answerer();
  const { roundsIn, stop } = await start(near);
  await stop();
  expect(near.isClosed).toBe(true);
  expect(await roundsIn(60_000)).toBe(0);
});

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
