import { expect, test } from 'vitest';
import { describeLaunch, type LaunchShape } from './sentence.ts';

const shape = (parts: Partial<LaunchShape> & { counts: Record<string, number> }): LaunchShape => ({
  byNode: new Map(
    Object.entries(parts.counts).map(([node, count]) => [
      node,
      Array.from({ length: count }, (_, at) => `${node}-${at}`),
    ]),
  ),
  networks: [],
  copies: new Map(),
  namespace: 'lab',
  ...parts,
});

test.each([
  [
    shape({
      counts: { node1: 4, node2: 4, node3: 4, node4: 4 },
      networks: ['lan (101)'],
      copies: new Map([['debian.qcow2', ['node3', 'node4']]]),
    }),
    '16 VMs, 4 on each of node[1-4], on VLAN lan (101); debian.qcow2 is copied to node[3-4].',
  ],
  [shape({ counts: { node1: 1 } }), '1 VM, 1 on node1, without a network.'],
  [
    shape({
      counts: { node1: 2, node2: 1 },
      networks: ['lan (101)', 'dmz (new)', '100'],
      copies: new Map([['a and b', ['node1']]]),
    }),
    '3 VMs, 2 on node1 and 1 on node2, on VLANs lan (101), dmz (new) and 100; a and b are copied to node1.',
  ],
  [shape({ counts: { a: 1, b: 2, c: 3, d: 4 } }), '10 VMs, 4 on d, 3 on c, 2 on b and 1 on a, without a network.'],
  [shape({ counts: { a: 1, b: 2, c: 3, d: 4, e: 5 } }), '15 VMs, 1 to 5 on each of a,b,c,d,e, without a network.'],
])('%#', (given, text) => {
  expect(describeLaunch(given)).toBe(text);
});
