// The bridge on a node whose NIC belongs to NetworkManager; the other owners and methods are drills beside this.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { proveOwner } from './bridge-owners.ts';
import { openLab } from './lab.ts';

const lab = openLab({ name: 'owners' });

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 1, owner: 'networkmanager', router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
});
afterAll(() => lab.down());

test('NetworkManager: bridged by a unit of ours, through a power cut, and taken away without a trace', async () => {
  await proveOwner(lab, 'node1', 'NetworkManager', 'commands');
});
