// What the console saw of a node's bridge last, between looks.
import { expect, test } from 'vitest';
import { bridgedFacts } from '../../../core/plans/bridge/observe/facts-for-tests.ts';
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
