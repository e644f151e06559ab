// Remembered alarms do not outlive the fault that they report.
import { expect, test } from 'vitest';
import type { BridgeFacts } from '../../../core/plans/bridge/observe/facts.ts';
import { bridgedFacts } from '../../../core/plans/bridge/observe/facts-for-tests.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { Recheck } from './recheck.ts';
import { rememberBridge, rememberedBridge } from './remember.ts';

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const host = (id: string) => ({
  id,
  name: id,
  addresses: ['10.0.0.5'],
  port: 22,
  user: 'root',
  needsSudo: false,
  keyId: null,
  pins: [],
  cluster: '',
  nodeId: null,
  isHead: false,
  addedAt: 1,
  facts: {},
});
const drifted = bridgedFacts({ drift: ['/etc/network/interfaces was changed since'] });
const signal = new AbortController().signal;

async function begin(look: (name: string) => Promise<BridgeFacts>) {
  const { hosts } = createMemoryStore();
  for (const id of ['bad', 'good', 'new']) await hosts.put(host(id));
  await rememberBridge('bad', drifted, { hosts, nowMs: 0 });
  await rememberBridge('good', bridgedFacts(), { hosts, nowMs: 0 });
  const state = { now: 0, looked: [] as string[] };
  const recheck = new Recheck(
    { log, now: () => state.now, look: ({ name }) => (state.looked.push(name), look(name)) },
    { hosts },
  );
  const at = async (now: number) => {
    state.now = now;
    await recheck.run(signal);
    const seen = (await hosts.list()).find(({ id }) => id === 'bad');
    return rememberedBridge(seen?.facts)?.summary.alarms.length;
  };
  return { state, at };
}

test('looks again at a node with an alarm, and at no other; a fault that was fixed by hand stops being an alarm', async () => {
  const { state, at } = await begin(() => Promise.resolve(bridgedFacts()));
  expect(await at(29_000)).toBe(1);
  expect(state.looked).toEqual([]);
  expect(await at(30_000)).toBe(0);
  expect(await at(600_000)).toBe(0);
  expect(state.looked).toEqual(['bad']);
});

test('one that is not reached keeps its alarm, and rests before the next try', async () => {
  const { state, at } = await begin(() => Promise.reject(new Error('silent')));
  for (let now = 30_000; now < 330_000; now += 30_000) expect(await at(now)).toBe(1);
  expect(state.looked).toHaveLength(1);
  await at(330_000);
  expect(state.looked).toHaveLength(2);
});
