// What is typed for a probe: read with the map at hand, or refused with what to type.
import { describe, expect, test } from 'vitest';
import { maxProbePaths } from '../../core/probe/plan.ts';
import { testFleet, testNode, testVlan, testVm } from '../vlans/rows-for-tests.ts';
import { VlanIndex } from '../vlans/vlan-index.ts';
import { nodesWithVms, nodeText, readChoice, readNodes, readVlans, usualChoice } from './probe-choice.ts';

const bridge = (node: string, Uplink: string) => ({
  ...{ Node: `id-${node}`, Bridge: 'mega_bridge', Uplink, Owner: '', Persistence: '', Reboot: '', Alarms: [] },
});
const view = testFleet({
  nodes: [testNode('node1'), testNode('node2'), testNode('node3', { State: 'absent' }), testNode('node4')],
  bridges: [bridge('node4', '')],
  vlans: [testVlan(101, 'lan'), testVlan(120, 'exp//dmz'), testVlan(121, 'lab//dmz'), testVlan(150)],
  vms: [testVm('a', 'node1', [[101, 'lan']]), testVm('b', 'node2', [[200, '']])],
});
const map = new VlanIndex('c1', view).current;

test('unless somebody chooses: VLANs in use, between nodes of the mesh with an uplink', () => {
  expect(usualChoice(map)).toEqual({ vlans: '101,120-121,200', nodes: 'node[1-2]', left: 0 });
  expect(nodeText(nodesWithVms(map, [101]))).toBe('node1');
});

describe('VLANs', () => {
  test.each([
    ['lan', [101]],
    ['exp//dmz, 100-102', [100, 101, 102, 120]],
    ['lan lan 101', [101]],
    ['4094', [4_094]],
  ])('%s', (text, numbers) => {
    expect(readVlans(text, map)).toEqual({ value: numbers, error: '' });
  });

  test.each([
    ['', 'Name a VLAN'],
    ['dmz', 'dmz is an alias of exp and lab: type exp//dmz.'],
    ['wan', 'No VLAN is called wan.'],
    ['0', '0: invalid VLAN (0 < vlan < 4095).'],
    ['100-4095', '4095: invalid VLAN'],
    ['120-100', 'the first number of a range is the lower one'],
    ['149-151', '150: kept free, so no frame is sent there.'],
    ['a//b//c', 'invalid alias'],
  ])('`%s` is refused', (text, error) => {
    const read = readVlans(text, map);
    expect(read.value).toEqual([]);
    expect(read.error).toContain(error);
  });
});

test.each([
  ['', 'Name two nodes'],
  ['node1', 'A path has two ends'],
  ['node[1-9]', 'No node is called node5, node6, node7.'],
  ['node[1-', 'unterminated'],
])('nodes `%s` are refused', (text, error) => {
  expect(readNodes(text, map).error).toContain(error);
});

test('a line of numbers and ranges, its paths, and about how long it takes', () => {
  const choice = readChoice({ vlans: 'lan,120-121', nodes: 'node4,node[1-2]' }, map);
  expect(choice).toMatchObject({ line: 'vlans probe 101,120-121 nodes node[1-2,4]', refusal: '', paths: 18 });
  expect(choice.tookMs).toBeGreaterThan(0);
  expect(readChoice({ vlans: 'wan', nodes: 'node[1-2]' }, map)).toMatchObject({ line: '', paths: 0 });
});

test('more than one probe tests is refused, and the usual choice is what one tests', () => {
  const nodes = Array.from({ length: 200 }, (_, at) => testNode(`node${at + 1}`));
  const vlans = Array.from({ length: 500 }, (_, at) => testVlan(101 + at, `net${at}`));
  const large = new VlanIndex('c1', testFleet({ nodes, vlans, vms: [] })).current;
  const usual = usualChoice(large);
  expect(usual).toMatchObject({ nodes: 'node[1-200]', vlans: '101-110', left: 490 });
  expect(readChoice(usual, large).paths).toBeLessThanOrEqual(maxProbePaths);
  expect(readChoice({ ...usual, vlans: '101-200' }, large)).toMatchObject({ line: '', refusal: /paths/ });
});
