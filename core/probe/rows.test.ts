// What people read: rows that stay few, and sentences for the network team.
import { describe, expect, test } from 'vitest';
import type { BadPath, ProbeCause, ProbeResult } from '../../contract/probe.ts';
import { probeColumns, probeRows } from './rows.ts';
import { describeCause, vlanRanges } from './texts.ts';

const names = ['node1', 'node2', 'node3', 'node4'];
const base: ProbeResult = {
  ...{ atMs: 0, staleAtMs: 1_000, bigBytes: 1_514, bad: [], causes: [], unsteady: [], flooded: [], unshielded: [] },
  nodes: names.map((name) => ({ name, state: 'ok', reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 })),
  vlans: [
    { vlan: 100, alias: 'lan' },
    { vlan: 120, alias: '' },
  ],
};
const cause: ProbeCause = {
  ...{ kind: 'port', symptom: 'blocked', vlans: [120], groups: [['node2']], direction: 'both', arrivedOn: 0, or: [] },
};
const both = (verdict: BadPath['verdict'], node: string): BadPath[] =>
  names
    .filter((name) => name !== node)
    .flatMap((name) => [
      { vlan: 120, from: name, to: node, verdict, arrivedOn: [] },
      { vlan: 120, from: node, to: name, verdict, arrivedOn: [] },
    ]);

test('a VLAN that is well has one row, one with a port that does not pass it two', () => {
  expect(probeColumns).toEqual(['vlan', 'alias', 'from', 'to', 'verdict', 'explanation']);
  expect(probeRows({ ...base, bad: both('blocked', 'node2'), causes: [cause] })).toEqual([
    ['100', 'lan', 'node[1-4]', 'each other', 'ok', ''],
    [
      ...['120', '', 'node2', 'node[1,3-4]', 'blocked'],
      'The switch port of node2 does not pass VLAN 120. Allow VLAN 120, tagged, on the switch port of node2.',
    ],
    ['120', '', '', '', 'ok', '6 of 12 paths'],
  ]);
});

test('directions have their own rows where they are not blocked', () => {
  const lost: ProbeCause = { ...cause, symptom: 'big-lost' };
  const rows = probeRows({ ...base, bad: both('big-lost', 'node2'), causes: [lost] });
  expect(rows.slice(1).map((row) => row.slice(2, 5))).toEqual([
    ['node[1,3-4]', 'node2', 'big frames lost'],
    ['node2', 'node[1,3-4]', 'big frames lost'],
    ['', '', 'ok'],
  ]);
});

test('nodes that take no part, uplinks that differ, and what else a person should know', () => {
  const nodes = base.nodes.map((node, place): ProbeResult['nodes'][number] => {
    if (place === 3) return { ...node, state: 'silent', reason: 'timed out' };
    return place === 2 ? { ...node, mtu: 9_000 } : node;
  });
  const more = { unsteady: [{ vlan: 120, paths: 1 }], flooded: ['node1', 'node2'], unshielded: ['node4'] };
  expect(probeRows({ ...base, nodes, ...more })).toEqual([
    ['100', 'lan', 'node[1-3]', 'each other', 'ok', ''],
    ['120', '', 'node[1-3]', 'each other', 'ok', ''],
    ['100,120', '', 'node4', '', 'node silent', 'timed out'],
    [
      ...['100,120', '', '', '', 'note'],
      'uplinks differ: node[1-2] has MTU 1500, node3 has MTU 9000. Frames of the smallest were sent.',
    ],
    ['120', '', '', '', 'note', '1 path lost frames or changed them at first, and not when tested again'],
    ['100,120', '', 'node[1-2]', '', 'note', 'more frames came than were sent: look for a loop between switches'],
    [
      '100,120',
      '',
      'node4',
      '',
      'note',
      'VMs there may get test frames: the node does not answer, or its meshd knows no probes',
    ],
  ]);
});

describe('causes in words', () => {
  test.each<[Partial<ProbeCause>, string]>([
    [
      { direction: 'from', vlans: [120, 121, 122, 130] },
      'The switch port of node2 drops frames of VLANs 120-122, 130 that node2 sends, and passes those of the other direction. ' +
        'Look for a filter of incoming frames on the switch port of node2, and allow VLANs 120-122, 130 in both directions.',
    ],
    [
      { symptom: 'untagged', direction: 'to' },
      'The switch port of node2 takes the tag off frames of VLAN 120 for node2. ' +
        'Make VLAN 120 tagged on the switch port of node2: it is untagged (native) there now.',
    ],
    [
      { symptom: 'other-vlan', arrivedOn: 130, direction: 'from' },
      'The switch port of node2 puts frames of VLAN 120 that node2 sends on VLAN 130. ' +
        'Look for a VLAN translation, or for another native VLAN, on the switch port of node2.',
    ],
    [
      { symptom: 'big-lost' },
      'The switch port of node2 loses frames of 1514 bytes on VLAN 120 from and to node2, and passes small ones. ' +
        'Raise the MTU of the switch port of node2 to 1500 bytes or more, tag and headers not counted.',
    ],
    [
      { symptom: 'doubled', direction: 'to' },
      'Frames of VLAN 120 for node2 arrive twice at the switch port of node2. ' +
        'Look for a loop, a second cable or a mirror port at the switch port of node2.',
    ],
    [
      { or: ['node3'] },
      'The switch port of node2 or of node3 does not pass VLAN 120. Allow VLAN 120, tagged, on that port.',
    ],
    [
      { kind: 'bridge-port' },
      'On node2, the uplink’s own port on the bridge does not pass VLAN 120. ' +
        'The switch is not to blame: compare `tag` and `trunks` in `ovs-vsctl list port` on node2.',
    ],
    [
      {
        kind: 'between',
        groups: [
          ['node1', 'node2'],
          ['node3', 'node4'],
        ],
      },
      'Between node[1-2] and node[3-4], VLAN 120 is blocked, and within each of these groups nothing is wrong. ' +
        'Allow VLAN 120, tagged, on the link between their switches.',
    ],
    [
      { kind: 'nowhere', groups: [names] },
      'VLAN 120 passes between no two of node[1-4]. ' +
        'Create VLAN 120 on the switches, and allow it, tagged, on the ports of node[1-4] and on the links between switches.',
    ],
    [
      { kind: 'path', groups: [['node1'], ['node2']], direction: 'from' },
      'From node1 to node2, VLAN 120 is blocked, and no switch port explains it: both nodes reach others. ' +
        'Look for a filter or a second link between their switches.',
    ],
  ])('%#', (change, text) => {
    expect(describeCause({ ...cause, ...change }, base)).toBe(text);
  });
});

test('VLANs as ranges', () => {
  expect(vlanRanges([130, 100, 101, 102, 120, 101])).toEqual(['100-102', '120', '130']);
  expect(vlanRanges([])).toEqual([]);
});
