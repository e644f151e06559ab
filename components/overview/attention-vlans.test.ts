import { expect, test } from 'vitest';
import { emptyMesh } from '../fleet/mesh-view.ts';
import { testCluster, testVlan } from '../vlans/rows-for-tests.ts';
import { unmetNodes } from '../fleet/added-nodes.ts';
import { attentionOf } from './attention.ts';

test('numbers with several names come before names with several numbers, each on one line', () => {
  const vlans = [
    testVlan(101, 'lan', { Split: true }),
    testVlan(110, 'lan', { Split: true }),
    testVlan(102, 'exp//dmz', { Clash: true }),
    testVlan(102, 'exp//web', { Clash: true }),
    testVlan(103, 'fine'),
  ];
  const mesh = { ...emptyMesh, cluster: testCluster };
  const items = attentionOf(mesh, { added: [], runs: [], vms: [], vlans, now: 0 });
  expect(items.map(({ state, text, href }) => [state, text, href])).toEqual([
    ['bad', 'VLAN 102 has several names', '/vlans?q=clash'],
    ['warn', 'VLAN lan has several numbers', '/vlans?q=split'],
  ]);
  expect(attentionOf(mesh, { added: [], runs: [], vms: [], vlans: vlans.slice(4), now: 0 })).toEqual([]);
});

test('of an engine without a roster: what is old, and nodes that have not met', () => {
  const lacking = {
    ...testCluster,
    Lacks: [{ What: 'members', Reason: 'no roster' }],
    Reason: 'no answer from node2: timed out',
  };
  const mesh = { ...emptyMesh, cluster: lacking };
  const known = [
    { name: 'node4', cluster: lacking.Id },
    { name: 'other', cluster: '' },
  ];
  const unmet = unmetNodes(mesh, known);
  const items = attentionOf(mesh, { added: [], unmet, runs: [], vms: [], vlans: [], now: 0 });
  expect(items.map(({ names, text }) => [names, text])).toEqual([
    ['', 'Some of what is shown is old'],
    ['node4', 'is not in the mesh'],
  ]);
  expect(unmetNodes({ ...mesh, cluster: testCluster }, [{ name: 'node4', cluster: testCluster.Id }])).toEqual([]);
});
