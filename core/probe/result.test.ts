// From frames to a matrix and to causes: one table row per verdict, and faults of ports that are found again.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProbeResult } from '../../contract/probe.ts';
import { describeOutcome } from './result.ts';
import { staleAfterMs } from './stale.ts';
import { verdictOfPath } from './verdicts.ts';
import { simulateRound, throughPorts, type PortFault } from './simulated-network.ts';

const nodesOf = (count: number) =>
  Array.from({ length: count }, (_, place) => ({
    ...{ name: `node${place + 1}`, state: 'ok' as const, reason: '' },
    ...{ bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
  }));

function probe(
  network: { nodes: number; vlans: readonly number[] },
  passes: (frame: Uint8Array, from: number, to: number) => readonly Uint8Array[],
  change: Partial<Parameters<typeof describeOutcome>[0]> = {},
) {
  const result = describeOutcome({
    ...{ atMs: 1_000, nodes: nodesOf(network.nodes), bigBytes: 1_514, second: null, unshielded: [] },
    ...{ vlans: network.vlans.map((vlan) => ({ vlan, alias: '' })), notCarried: new Map() },
    first: simulateRound(network, passes),
    ...change,
  });
  return ProbeResult.parse(JSON.parse(JSON.stringify(result)));
}

const four = { nodes: 4, vlans: [100, 120] };
/** node3 has the place 2. */
const fault = (side: PortFault['side'], does: PortFault['does']): PortFault => ({ node: 2, vlan: 120, side, does });
const verdicts = (result: ProbeResult) =>
  Object.fromEntries(result.bad.map(({ vlan, from, to, verdict }) => [`${vlan} ${from} ${to}`, verdict]));
const cause = {
  ...{ kind: 'port', symptom: 'blocked', vlans: [120], groups: [['node3']] },
  ...{ direction: 'both', arrivedOn: 0, or: [] },
};
const others = ['node1', 'node2', 'node4'];
const fromNode3 = (verdict: string) => Object.fromEntries(others.map((to) => [`120 node3 ${to}`, verdict]));
const toNode3 = (verdict: string) => Object.fromEntries(others.map((from) => [`120 ${from} node3`, verdict]));

describe('a fault of one port', () => {
  test('none', () => {
    expect(probe(four, throughPorts([]))).toMatchObject({ bad: [], causes: [], unsteady: [], flooded: [] });
  });

  test.each([
    [
      'does not pass the VLAN',
      [fault('from', 'block'), fault('to', 'block')],
      { ...fromNode3('blocked'), ...toNode3('blocked') },
      cause,
    ],
    [
      'drops what comes from the node',
      [fault('from', 'block')],
      fromNode3('blocked-one-way'),
      { ...cause, direction: 'from' },
    ],
    ['drops what goes to the node', [fault('to', 'block')], toNode3('blocked-one-way'), { ...cause, direction: 'to' }],
    ['sends it untagged', [fault('to', 0)], toNode3('untagged'), { ...cause, symptom: 'untagged', direction: 'to' }],
    [
      'takes off its tag',
      [fault('from', 0)],
      fromNode3('untagged'),
      { ...cause, symptom: 'untagged', direction: 'from' },
    ],
    [
      'puts it on another VLAN',
      [fault('from', 130)],
      fromNode3('other-vlan'),
      { ...cause, symptom: 'other-vlan', arrivedOn: 130, direction: 'from' },
    ],
    [
      'loses big frames',
      [fault('from', 'lose-big'), fault('to', 'lose-big')],
      { ...fromNode3('big-lost'), ...toNode3('big-lost') },
      { ...cause, symptom: 'big-lost' },
    ],
    [
      'doubles frames',
      [fault('from', 'double')],
      fromNode3('doubled'),
      { ...cause, symptom: 'doubled', direction: 'from' },
    ],
  ] as const)('that %s is named, with its VLAN and nothing else', (_name, faults, bad, expected) => {
    const result = probe(four, throughPorts(faults));
    expect(verdicts(result)).toEqual(bad);
    expect(result.causes).toEqual([expected]);
  });
});

test('frames that arrive on another VLAN as well are not all right', () => {
  const leaks = (frame: Uint8Array, from: number, to: number) => [
    frame,
    ...throughPorts([fault('from', 130)])(frame, from, to).filter((each) => each[15] === 130),
  ];
  const result = probe(four, leaks);
  expect(verdicts(result)).toEqual(fromNode3('other-vlan'));
  expect(result.bad[0]?.arrivedOn).toEqual([130]);
});

describe('more than one port', () => {
  const block = (node: number, vlan: number): PortFault[] =>
    (['from', 'to'] as const).map((side) => ({ node, vlan, side, does: 'block' }));

  test('of two nodes either port explains it', () => {
    const result = probe({ nodes: 2, vlans: [120] }, throughPorts(block(0, 120)));
    expect(result.causes).toEqual([{ ...cause, groups: [['node1']], or: ['node2'] }]);
  });

  test('one that is certain on one VLAN explains what is not on another', () => {
    // On 100 node3 takes no part, and of nodes 1 and 2 alone either port would do.
    const passes = throughPorts([...block(1, 100), ...block(1, 120)]);
    const own = new Map([[2, new Set([100])]]);
    expect(probe({ nodes: 3, vlans: [100, 120] }, passes, { notCarried: own }).causes).toEqual([
      { ...cause, kind: 'bridge-port', vlans: [100] },
      { ...cause, vlans: [100, 120], groups: [['node2']] },
    ]);
  });

  test('a VLAN that passes nowhere is one cause', () => {
    const faults = [0, 1, 2, 3].flatMap((node) => block(node, 120));
    expect(probe(four, throughPorts(faults)).causes).toEqual([
      { ...cause, kind: 'nowhere', groups: [['node1', 'node2', 'node3', 'node4']] },
    ]);
  });

  test('switches that are not joined on a VLAN are one cause, also beside the fault of a port', () => {
    const six = { nodes: 6, vlans: [100, 120, 121] };
    const faults = block(2, 120);
    const split = (frame: Uint8Array, from: number, to: number) =>
      from < 3 !== to < 3 && frame[15] !== 100 ? [] : throughPorts(faults)(frame, from, to);
    expect(probe(six, split).causes).toEqual([
      cause,
      {
        ...cause,
        kind: 'between',
        groups: [
          ['node1', 'node2'],
          ['node4', 'node5', 'node6'],
        ],
      },
      {
        ...cause,
        kind: 'between',
        vlans: [121],
        groups: [
          ['node1', 'node2', 'node3'],
          ['node4', 'node5', 'node6'],
        ],
      },
    ]);
  });

  test('big frames that are lost between switches, one way', () => {
    const lose = (frame: Uint8Array, from: number, to: number) =>
      from > 1 && to < 2 && frame.length > 1_000 ? [] : [frame];
    expect(probe(four, lose).causes).toEqual([
      {
        ...cause,
        kind: 'between',
        symptom: 'big-lost',
        vlans: [100, 120],
        groups: [
          ['node3', 'node4'],
          ['node1', 'node2'],
        ],
        direction: 'from',
      },
    ]);
  });

  test('a path that no port explains stands alone', () => {
    const one = (frame: Uint8Array, from: number, to: number) => (from === 0 && to === 1 ? [] : [frame]);
    expect(probe(four, one).causes).toEqual([
      { ...cause, kind: 'path', vlans: [100, 120], groups: [['node1'], ['node2']], direction: 'from' },
    ]);
  });

  test('an uplink’s own port on its bridge is the node’s fault, not the switch’s', () => {
    const result = probe(four, throughPorts([]), { notCarried: new Map([[2, new Set([120])]]) });
    expect(verdicts(result)).toEqual({ ...fromNode3('blocked'), ...toNode3('blocked') });
    expect(result.causes).toEqual([{ ...cause, kind: 'bridge-port' }]);
  });
});

describe('faults of ports that are generated', () => {
  const vlans = [100, 120, 140, 4094];
  const kinds = fc.constantFrom<PortFault['does'][]>(
    ['block'],
    ['lose-big'],
    ['double'],
    [0],
    [200],
    ['lose-big', 'double'],
  );
  const faultyPort = fc.record({
    node: fc.nat(4),
    vlan: fc.constantFrom(...vlans),
    sides: fc.constantFrom<PortFault['side'][]>(['from'], ['to'], ['from', 'to']),
    does: kinds,
  });

  test('are found again, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(faultyPort, { maxLength: 6, selector: ({ node, vlan }) => `${node} ${vlan}` }),
        fc.integer({ min: 7, max: 9 }),
        (ports, nodes) => {
          // On a VLAN faults of one kind: another one may hide them.
          const byVlan = new Map(ports.map(({ vlan, does }) => [vlan, does]));
          const faults = ports.flatMap(({ node, vlan, sides }) =>
            sides.flatMap((side) => (byVlan.get(vlan) ?? []).map((does): PortFault => ({ node, vlan, side, does }))),
          );
          const { causes } = probe({ nodes, vlans }, throughPorts(faults));
          const found = causes.flatMap(({ kind, symptom, vlans: on, groups, direction, arrivedOn, or }) => {
            expect([kind, or]).toEqual(['port', []]);
            const does = {
              blocked: 'block',
              'big-lost': 'lose-big',
              doubled: 'double',
              untagged: 0,
              'other-vlan': arrivedOn,
            }[symptom];
            const sides = direction === 'both' ? ['from', 'to'] : [direction];
            return on.flatMap((vlan) => sides.map((side) => `${groups[0]?.[0]} ${vlan} ${side} ${does}`));
          });
          expect(found.sort()).toEqual(
            faults.map(({ node, vlan, side, does }) => `node${node + 1} ${vlan} ${side} ${does}`).sort(),
          );
        },
      ),
      { numRuns: 150 },
    );
  }, 120_000);
});

describe('what is seen once', () => {
  test('does not count, and is mentioned', () => {
    const second = simulateRound({ nodes: 4, vlans: [120] }, throughPorts([]), 2);
    const result = probe(four, throughPorts([fault('from', 'block')]), { second });
    expect(result).toMatchObject({ bad: [], causes: [], unsteady: [{ vlan: 120, paths: 3 }] });
  });

  test('counts when it is seen again', () => {
    const second = simulateRound({ nodes: 4, vlans: [120] }, throughPorts([fault('from', 'block')]), 2);
    const result = probe(four, throughPorts([fault('from', 'block'), fault('to', 'lose-big')]), { second });
    expect(verdicts(result)).toEqual(fromNode3('blocked-one-way'));
    expect(result.unsteady).toEqual([{ vlan: 120, paths: 3 }]);
  });
});

test('a node without an answer is silent, one that cannot take part is unknown, and so is all that is old', () => {
  const nodes = nodesOf(4).map((node, place) => ({
    ...node,
    state: (['ok', 'ok', 'silent', 'unable'] as const)[place] ?? 'ok',
  }));
  const { round, reports } = simulateRound(four, throughPorts([fault('from', 'block')]));
  const result = probe(four, throughPorts([]), {
    nodes,
    first: { round, reports: new Map([...reports].filter(([place]) => place < 2)) },
  });
  expect(result.bad).toEqual([]);
  const at = (from: string, to: string, nowMs = 2_000, vlan = 120) => verdictOfPath(result, { vlan, from, to }, nowMs);
  expect(at('node1', 'node2')).toBe('ok');
  expect(at('node1', 'node3')).toBe('silent');
  expect(at('node4', 'node1')).toBe('unknown');
  expect(at('node1', 'node9')).toBe('unknown');
  expect(at('node1', 'node2', 2_000, 130)).toBe('unknown');
  expect(at('node1', 'node2', 1_000 + staleAfterMs)).toBe('unknown');
});

test('a network that sends frames in circles fills no memory', () => {
  const circles = (frame: Uint8Array, from: number, to: number) =>
    Array.from({ length: 20 }, (_, turn) =>
      throughPorts([{ node: from, vlan: 120, side: 'from', does: 200 + turn }])(frame, from, to),
    ).flat();
  const result = probe({ nodes: 3, vlans: [120] }, circles);
  expect(result.flooded).toEqual(['node1', 'node2', 'node3']);
  expect(Math.max(...result.bad.map(({ arrivedOn }) => arrivedOn.length))).toBeLessThanOrEqual(8);
});
