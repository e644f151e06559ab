import { expect, it } from 'vitest';
import { createMemoryStore } from '../store/memory-store.ts';
import { listConsoleKeys, makeConsoleKey } from './console-key.ts';

it('lists the public halves of the console’s keys and who has which, and no other key', async () => {
  const store = createMemoryStore();
  const old = await makeConsoleKey(store.keys, 'console', { nowMs: 1, host: 'deck' });
  await makeConsoleKey(store.keys, 'console-2', { nowMs: 2, host: 'deck' });
  await store.keys.put({ ...old, id: 'given' });
  const host = {
    addresses: [],
    port: 22,
    user: 'root',
    needsSudo: false,
    pins: [],
    cluster: '',
    nodeId: null,
    isHead: false,
    addedAt: 1,
    facts: null,
  };
  await store.hosts.put({ ...host, id: 'h1', name: 'node1', keyId: 'console' });
  await store.hosts.put({ ...host, id: 'h2', name: 'node2', keyId: null });
  const found = await listConsoleKeys(store);
  expect(found.map(({ id, nodes }) => [id, nodes])).toEqual([
    ['console-2', []],
    ['console', ['node1']],
  ]);
  expect(found[1]).toMatchObject({
    publicKey: old.publicKey,
    fingerprint: expect.stringMatching(/^SHA256:[\w+/]{43}$/) as string,
  });
  expect(JSON.stringify(found)).not.toContain('PRIVATE');
});
