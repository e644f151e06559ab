// What the console saw of a node's bridge last, between looks.
import { expect, test } from 'vitest';
import { bridgedFacts, bridgeFacts, ovsBridgeFacts } from '../../../core/plans/bridge/test-facts.ts';
import { summariseBridge } from '../../../core/plans/bridge/summary.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { rememberBridge, rememberedBridge } from './remember.ts';

const host = {
  id: 'h1',
  name: 'node5',
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
  facts: { cpus: 8 },
};

test('is kept beside the other facts, and told without asking the node', async () => {
  const { hosts } = createMemoryStore();
  await hosts.put(host);
  expect(rememberedBridge(host.facts)).toBeNull();
  await rememberBridge('h1', bridgedFacts(), { hosts, nowMs: 7 });
  await rememberBridge('gone', bridgedFacts(), { hosts, nowMs: 8 });
  const facts = (await hosts.list())[0]?.facts;
  expect(facts).toMatchObject({ cpus: 8 });
  expect(rememberedBridge(facts)).toMatchObject({
    at: 7,
    summary: { bridge: 'mega_bridge', uplink: 'eth0', reboot: 'safe', alarms: [] },
  });
});

test.each([
  ['older than its cap', { state: 'applied', isPastCap: true, isArmed: true }, /past the time that it can be on trial/],
  ['without its timer', { state: 'applied', isPastCap: false, isArmed: false }, /no timer in PID 1/],
  ['that could not go back', { state: 'rollback-failed', isPastCap: true, isArmed: false }, /could not go back/],
  ['over, with its timer left', { state: 'committed', isPastCap: false, isArmed: true }, /left over/],
] as const)('a transaction %s is an alarm', (_name, mark, alarm) => {
  const facts = bridgeFacts({ transaction: { id: 'r1-1', holder: 'Ann', ageSeconds: 700, ...mark } });
  expect(summariseBridge(facts).alarms.join()).toMatch(alarm);
});

test('a transient mark and drift are alarms; a transaction on trial is none', () => {
  const marked = ovsBridgeFacts({ transientPorts: ['eth0'] });
  const left = bridgedFacts({ drift: ['/etc/network/interfaces was changed'], ovs: { bridges: [marked] } });
  expect(summariseBridge(left).alarms).toHaveLength(2);
  const onTrial = bridgedFacts({
    transaction: { id: 'r1-1', state: 'inside-ok', ageSeconds: 9, isPastCap: false, holder: 'Ann', isArmed: true },
    ovs: { bridges: [marked] },
  });
  expect(summariseBridge(onTrial)).toMatchObject({
    alarms: [],
    transaction: 'r1-1 of Ann: inside-ok',
  });
});
