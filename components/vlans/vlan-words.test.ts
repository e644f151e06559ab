import { expect, test } from 'vitest';
import { testFleet, testNode, testVlan, testVm } from './rows-for-tests.ts';
import { filterVlans, findVlan, namespaceChoices, parseVlanSort, sortVlans, vlanParam } from './vlan-choice.ts';
import { VlanIndex } from './vlan-index.ts';
import { countVlans, describeVlans, flagsOf, nodesOf, titleOf, withoutUplink } from './vlan-words.ts';

const bridge = (node: string, Uplink: string) => ({
  Node: `id-${node}`,
  Bridge: 'mega_bridge',
  Uplink,
  Owner: '',
  Persistence: '',
  Reboot: '',
  Alarms: [],
});
const { current: map } = new VlanIndex(
  'c1',
  testFleet({
    nodes: ['node1', 'node2', 'node3'].map((name) => testNode(name)),
    bridges: [bridge('node1', 'eth0'), bridge('node2', '')],
    vlans: [
      testVlan(101, 'lan', { Split: true }),
      testVlan(110, 'lan', { Split: true }),
      testVlan(102, 'exp//dmz', { Clash: true }),
      testVlan(102, 'exp//web', { Clash: true }),
      testVlan(150),
      testVlan(7),
      testVlan(103, 'exp//split-horizon'),
    ],
    vms: [
      testVm('a1', 'node1', [[101, 'lan']]),
      testVm('a2', 'node2', [[101, 'lan']]),
      testVm('a3', 'node1', [[110, 'lan']]),
      testVm('a4', 'node3', [[7, '']]),
      testVm('a5', 'node3', [[200, 'gone']]),
      testVm('b1', 'node1', [[102, 'dmz']], { Namespace: 'exp' }),
    ],
  }),
);
const titles = (text: string, namespace = '') => filterVlans(map.vlans, { text, namespace }).map(titleOf);

test('all VLANs in one sentence', () => {
  expect(map.vlans.map((vlan) => `${titleOf(vlan)}: ${flagsOf(vlan).join(' ')}`)).toEqual([
    'dmz (102): clash',
    'split-horizon (103): unused',
    'web (102): clash unused',
    'gone (200): unlisted',
    'lan (101): split',
    'lan (110): split',
    'VLAN 7: ',
    'VLAN 150: kept',
  ]);
  expect(describeVlans(countVlans(map.vlans))).toEqual({
    state: 'bad',
    text: '6 VLANs, 1 number clashes, 1 split, 1 not in the table, 2 unused, 1 number kept free',
  });
  expect(describeVlans(countVlans(map.vlans.filter(({ alias }) => alias === 'split-horizon')))).toEqual({
    state: 'ok',
    text: '1 VLAN, 1 unused',
  });
});

test('nodes without an uplink matter where a VLAN is on several', () => {
  expect([nodesOf(map, map.vlans[4]!), withoutUplink(map, map.vlans[4]!)]).toEqual(['node[1-2]', ['node2']]);
  expect(withoutUplink(map, map.vlans[0]!)).toEqual([]);
});

test.each([
  ['', map.vlans.map(titleOf)],
  ['LAN', ['lan (101)', 'lan (110)']],
  ['10', ['dmz (102)', 'split-horizon (103)', 'web (102)', 'lan (101)']],
  ['103-150', ['split-horizon (103)', 'lan (110)', 'VLAN 150']],
  ['exp unused', ['split-horizon (103)', 'web (102)']],
  ['split', ['split-horizon (103)', 'lan (101)', 'lan (110)']],
  ['clash', ['dmz (102)', 'web (102)']],
  ['kept', ['VLAN 150']],
  ['nothing', []],
])('%j finds %j', (text, found) => {
  expect(titles(text)).toEqual(found);
});

test('a namespace holds its aliases, and numbers without one are of none', () => {
  expect(namespaceChoices(map).map(({ value, count }) => `${value} ${count}`)).toEqual(['exp 3', 'minimega 3', '- 2']);
  expect([titles('', 'exp').length, titles('', '-')]).toEqual([3, ['VLAN 7', 'VLAN 150']]);
});

test('sorted by what it says, otherwise as the map has them', () => {
  const sorted = (text: string) => sortVlans(map.vlans, parseVlanSort(text)).map(titleOf);
  expect(sorted('vlan').slice(0, 3)).toEqual(['VLAN 7', 'lan (101)', 'dmz (102)']);
  expect(sorted('-vms').slice(0, 2)).toEqual(['lan (101)', 'dmz (102)']);
  expect(sorted('alias').at(-1)).toBe('VLAN 150');
  expect(sorted('nonsense')).toEqual(map.vlans.map(titleOf));
  expect(sorted('-namespace')[0]).toBe('gone (200)');
  // With the same VLANs and an order that VMs do not change, the order of before holds.
  const before = sortVlans(map.vlans, parseVlanSort('-vlan'));
  expect(sortVlans(map.vlans, parseVlanSort('-vlan'), before)).toEqual(before);
  expect(sortVlans(map.vlans.slice(1), parseVlanSort('-vlan'), before).map(titleOf)).toEqual(
    before.map(titleOf).filter((title) => title !== 'dmz (102)'),
  );
});

test('the URL names each VLAN, and takes shorter names', () => {
  for (const vlan of map.vlans) expect(findVlan(map, vlanParam(vlan))).toBe(vlan);
  expect([findVlan(map, 'minimega//lan')?.vlan, findVlan(map, '103')?.alias]).toEqual([101, 'split-horizon']);
  expect([findVlan(map, ''), findVlan(map, 'lan'), findVlan(map, '999'), findVlan(map, '101,exp//lan')]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});
