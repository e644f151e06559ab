// What a login by key leaves in the store.
import { expect, test } from 'vitest';
import type { StoredHost } from '../../ports.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { recordProof } from './key-actions.ts';

const host = (id: string, address: string): StoredHost => ({
  id,
  name: address,
  addresses: [address],
  port: 22,
  user: 'ann',
  needsSudo: true,
  keyId: null,
  pins: [],
  cluster: '',
  nodeId: null,
  isHead: false,
  addedAt: 1,
  facts: null,
});
const proof = { name: 'node1', keyId: 'console' };

test('is the name that the machine has and the key; a second time it stays the same', async () => {
  const { hosts } = createMemoryStore();
  await hosts.put(host('h1', '10.0.0.1'));
  expect(await recordProof(host('h1', '10.0.0.1'), proof, hosts)).toBe(false);
  expect(await recordProof(host('h1', '10.0.0.1'), proof, hosts)).toBe(true);
  expect(await hosts.list()).toMatchObject([{ ...proof, user: 'root', needsSudo: false }]);
});

test('of two clones proved at the same moment one is refused', async () => {
  const { hosts } = createMemoryStore();
  const clones = [host('h1', '10.0.0.1'), host('h2', '10.0.0.2')];
  for (const clone of clones) await hosts.put(clone);
  const proofs = await Promise.allSettled(clones.map((clone) => recordProof(clone, proof, hosts)));
  expect(proofs).toMatchObject([
    { status: 'fulfilled' },
    {
      status: 'rejected',
      reason: { code: 'conflict', message: expect.stringContaining('10.0.0.2 calls itself node1') as string },
    },
  ]);
  expect((await hosts.list()).map(({ name, keyId }) => [name, keyId])).toEqual([
    ['10.0.0.2', null],
    ['node1', 'console'],
  ]);
});
