import { expect, test, vi } from 'vitest';
import { bridgedFacts } from '../../core/plans/bridge/test-facts.ts';
import type { KnownNodesChange } from '../../contract/known-nodes.ts';
import { rememberBridge } from '../bootstrap/bridge/remember.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { followKnownNodes, knownNodeOf } from './known-nodes.ts';

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

test('a client hears of a node what its page shows, and nothing of how the console gets in', () => {
  expect(knownNodeOf(hostOf('h1', 'node5'))).toEqual({
    id: 'h1',
    name: 'node5',
    addresses: ['10.0.0.5'],
    user: 'root',
    cluster: '',
    addedAt: 1,
    bridge: null,
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
