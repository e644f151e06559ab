// What a result says of a path, a VLAN and a node: what pages show in a cell each.
import { expect, test } from 'vitest';
import type { BadPath, ProbeCause, ProbeResult } from '../../contract/probe.ts';
import { handoverText } from './handover.ts';
import { nodeVerdicts, verdictOfVlan, worstOf } from './verdicts.ts';

const node = (name: string, state: 'ok' | 'silent' | 'unable' = 'ok') => ({
  ...{ name, state, reason: state === 'ok' ? '' : 'it did not answer in time' },
  ...{ bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
});
const cause: ProbeCause = {
  ...{ kind: 'port', symptom: 'blocked', vlans: [120], groups: [['node3']], direction: 'both', arrivedOn: 0, or: [] },
};
const bad = (from: string, to: string): BadPath => ({ vlan: 120, from, to, verdict: 'blocked', arrivedOn: [] });
const result: ProbeResult = {
  ...{ atMs: 0, staleAtMs: 1_000, bigBytes: 1_514, unsteady: [], flooded: [], unshielded: [] },
  nodes: [node('node1'), node('node2'), node('node3'), node('node4', 'silent'), node('node5', 'unable')],
  vlans: [100, 120].map((vlan) => ({ vlan, alias: vlan === 100 ? 'lan' : '' })),
  bad: ['node1', 'node2'].flatMap((name) => [bad(name, 'node3'), bad('node3', name)]),
  causes: [cause],
};
const words = (vlan: number, change: Partial<ProbeResult> = {}, nowMs = 1) =>
  [...nodeVerdicts({ ...result, ...change }, vlan, nowMs)].map(
    ([name, { verdict, isElsewhere }]) => `${name} ${verdict}${isElsewhere ? ' elsewhere' : ''}`,
  );

test('the node whose port explains a fault has it; the others are well, and what they cannot reach is elsewhere', () => {
  expect(words(120)).toEqual([
    ...['node1 ok elsewhere', 'node2 ok elsewhere', 'node3 blocked', 'node4 silent', 'node5 unknown'],
  ]);
  expect(words(100)).toEqual(['node1 ok', 'node2 ok', 'node3 ok', 'node4 silent', 'node5 unknown']);
  expect(words(130)).toEqual([]);
});

test('of two nodes that may be at fault both are marked, and all that groups of nodes do not pass', () => {
  expect(words(120, { causes: [{ ...cause, or: ['node2'], direction: 'to' }] }).slice(1, 3)).toEqual([
    ...['node2 blocked-one-way', 'node3 blocked-one-way'],
  ]);
  const between: ProbeCause = {
    ...cause,
    kind: 'between',
    symptom: 'big-lost',
    groups: [['node1', 'node2'], ['node3']],
  };
  expect(words(120, { causes: [between] }).slice(0, 3)).toEqual(['node1 big-lost', 'node2 big-lost', 'node3 big-lost']);
});

test('what is stale is unknown, and so is a VLAN that no two nodes tested', () => {
  expect(words(120, {}, 1_000)).toEqual(result.nodes.map(({ name }) => `${name} unknown`));
  expect([100, 120, 130].map((vlan) => verdictOfVlan(result, vlan, 1))).toEqual(['ok', 'blocked', 'unknown']);
  expect(verdictOfVlan(result, 100, 1_000)).toBe('unknown');
  expect(verdictOfVlan({ ...result, nodes: [node('node1'), node('node2', 'silent')] }, 100, 1)).toBe('unknown');
  expect([worstOf([]), worstOf(['unknown', 'doubled', 'ok']), worstOf(['big-lost', 'blocked'])]).toEqual([
    ...['ok', 'doubled', 'blocked'],
  ]);
});

test('the text to hand over has the change first, then what was seen and how it was tested', () => {
  const text = handoverText(result, '2026-11-30 20:15:03 UTC');
  expect(text.split('\n')).toEqual([
    'VLAN test of 2026-11-30 20:15:03 UTC',
    'VLANs 100, 120, between node[1-3]',
    ...['node1', 'node2', 'node3'].map((name) => `  ${name}: uplink eth0 on mega_bridge`),
    '',
    'What to change',
    '1. The switch port of node3 does not pass VLAN 120. Allow VLAN 120, tagged, on the switch port of node3.',
    '',
    'What was seen',
    '  VLAN 120, node3 to node[1-2]: blocked',
    '  node4: node silent. it did not answer in time',
    '  node5: unknown. it did not answer in time',
    '',
    'Each node sent broadcast frames of 64 and of 1518 bytes (an MTU of 1500) with the tag of each VLAN out of its uplink, EtherType 0x88b5, source addresses from 02:4d:50.',
    'What seemed wrong was tested a second time.',
  ]);
  expect(handoverText({ ...result, bad: [], causes: [] }, 'now')).toContain('Nothing is wrong: all frames arrived');
});
