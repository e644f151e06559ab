// The bridge on a node whose NIC belongs to NetworkManager; the other owners and methods are drills beside this.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { observeBridgeScript, parseBridgeFacts } from '../core/plans/bridge/observe/observe.ts';
import { proveOwner } from './bridge-owners.ts';
import { openLab } from './lab.ts';

const lab = openLab({ name: 'owners' });

beforeAll(async () => {
  await lab.down();
  const results = await lab.up({ nodes: 1, owner: 'networkmanager', router: true });
  expect(results.filter(({ error }) => error !== null)).toEqual([]);
});
afterAll(() => lab.down());

test('the NIC that SSH came in by is known also behind sudo, which hides it from the environment', async () => {
  const address = await lab.address('node1');
  const asSudo = 'env -u SSH_CONNECTION sh -c "$1" sh mega_bridge; exit';
  const startedAt = performance.now();
  const { stdout } = await lab.exec('node1', [
    ...['env', `SSH_CONNECTION=192.0.2.1 40000 ${address} 22`],
    ...['sh', '-c', asSudo, 'sh', observeBridgeScript],
  ]);
  console.log(`a look at a node: ${Math.round(performance.now() - startedAt)} ms`);
  expect(parseBridgeFacts(stdout)).toMatchObject({ ingress: 'eth0', ingressAddress: address, hasSystemd: true });
});

test('NetworkManager: bridged by a unit of ours, through a power cut, and taken away without a trace', async () => {
  await proveOwner(lab, 'node1', 'NetworkManager', 'commands');
});
