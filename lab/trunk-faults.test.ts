// What a port with faults does, as flows and in words.
import { expect, test } from 'vitest';
import { describeTrunkFaults, hasTrunkFaults, noTrunkFaults, trunkFlows } from './trunk-faults.ts';

const ends = [
  'table=1,priority=10,reg0=0x1/0x1 actions=drop',
  'priority=1,in_port=1 actions=output:2',
  'priority=1,in_port=2 actions=output:1',
  'table=1,priority=1,in_port=1 actions=output:2',
  'table=1,priority=1,in_port=2 actions=output:1',
];

test('a port without faults passes everything, and needs no flows', () => {
  expect(hasTrunkFaults(undefined)).toBe(false);
  expect(hasTrunkFaults(noTrunkFaults)).toBe(false);
  expect(trunkFlows(noTrunkFaults)).toEqual(ends);
  expect(describeTrunkFaults(noTrunkFaults)).toEqual([]);
});

test('each fault is a flow that comes first, and has its words', () => {
  const faults = {
    ...{ untag: [120], blockFrom: [121], blockTo: [122], loseBig: [123], double: [125] },
    move: [{ from: 124, to: 130 }],
  };
  expect(hasTrunkFaults(faults)).toBe(true);
  expect(trunkFlows(faults)).toEqual([
    'priority=10,in_port=1,dl_vlan=120 actions=strip_vlan,output:2',
    'priority=10,in_port=2,dl_vlan=121 actions=drop',
    'priority=10,in_port=1,dl_vlan=122 actions=drop',
    'priority=10,dl_vlan=123 actions=check_pkt_larger(1000)->NXM_NX_REG0[0],resubmit(,1)',
    'priority=10,in_port=2,dl_vlan=124 actions=mod_vlan_vid:130,output:1',
    'priority=10,in_port=2,dl_vlan=125 actions=output:1,output:1',
    ...ends,
  ]);
  expect(describeTrunkFaults(faults)).toEqual([
    ...['untags VLAN 120', 'blocks from the node VLAN 121', 'blocks to the node VLAN 122'],
    ...['loses big frames of VLAN 123', 'moves VLAN 124 to 130', 'doubles VLAN 125'],
  ]);
});
