import { expect, test, vi } from 'vitest';
import { bridgedFacts } from '../../core/plans/bridge/observe/facts-for-tests.ts';
import type { KnownNodesChange } from '../../contract/known-nodes.ts';
import { rememberBridge } from '../plans/bridge/remember.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { followKnownNodes, knownNodeOf, rememberedChecks } from './known-node-rows.ts';

const hostOf = (id: string, name: string) => ({
  id,
  name,
  addresses: ['10.0.0.5'],
  port: 22,
  user: 'root',
  needsSudo: false,
  keyId: 'k1',
  pins: ['ssh-ed25519 AAAA'],
  cluster: '',
  nodeId: null,
  isHead: false,
  addedAt: 1,
  facts: { cpus: 8 },
});

test('a client receives what the node’s page shows, and nothing about how the console logs in there', () => {
  expect(knownNodeOf(hostOf('h1', 'node5'))).toEqual({
    id: 'h1',
    name: 'node5',
    addresses: ['10.0.0.5'],
    port: 22,
    user: 'root',
    cluster: '',
    addedAt: 1,
    bridge: null,
    checkedAt: null,
    missing: [],
  });
});

test('of a look at the machine it hears when it was and what apt would bring', () => {
  const findings = [
    {
      id: 'qemu',
      level: 'warn',
      text: 'QEMU is missing: no VMs here',
      mend: 'apt-get install qemu-system-x86 qemu-utils',
    },
    {
      id: 'clock',
      level: 'warn',
      text: 'its clock is 9 s behind',
      mend: 'apt-get install systemd-timesyncd, and more',
    },
    { id: 'ovs', level: 'ok', text: 'Open vSwitch 3.5', mend: '' },
  ];
  const checked = { ...hostOf('h1', 'node5'), facts: { cpus: 8, findings, at: 7 } };
  expect(knownNodeOf(checked)).toMatchObject({ checkedAt: 7, missing: ['qemu-system-x86', 'qemu-utils'] });
  expect(rememberedChecks(checked.facts)).toEqual({ at: 7, findings });
  expect(knownNodeOf({ ...checked, facts: { findings: 'none', at: 7 } })).toMatchObject({
    checkedAt: null,
    missing: [],
  });
});

test('a burst of changes comes as one, each node as it is at last', async () => {
  const { hosts } = createMemoryStore();
  const heard: KnownNodesChange[] = [];
  const stop = followKnownNodes(hosts, (change) => heard.push(change));
  await hosts.put(hostOf('h1', 'node5'));
  await rememberBridge('h1', bridgedFacts(), { hosts, nowMs: 7 });
  await hosts.put(hostOf('h2', 'node6'));
  await hosts.remove('h2');
  await vi.waitFor(() => expect(heard).toHaveLength(1));
  expect(heard).toMatchObject([
    { changed: [{ name: 'node5', bridge: { at: 7, summary: { bridge: 'mega_bridge' } } }], gone: ['h2'] },
  ]);
  stop();
  await hosts.put(hostOf('h3', 'node7'));
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(heard).toHaveLength(1);
});
