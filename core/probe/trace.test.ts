// The path between two VMs: the hop that is broken is the one that is named.
import { describe, expect, test } from 'vitest';
import type { ProbeResult } from '../../contract/probe.ts';
import type { TracedFlows, TracedVm, TraceHop } from '../../contract/trace.ts';
import { adviceOnHop, firstBroken } from './trace-advice.ts';
import { sharedVlans, traceHops, traceRows, type TraceInput } from './trace.ts';

const none = { flows: 0, packets: 0 };
const normal = { does: 'normal' as const, packets: 12, priority: 0, isOfPort: false };
const flows = { failure: '', ours: none, others: none, rest: normal };
const nic = {
  ...{ vlan: 100, bridge: 'mega_bridge', tap: 'mega_tap0', tapState: 'up' as const },
  ...{ port: 'VLAN 100 on mega_bridge', isPortRight: true, portFailure: '', flows },
};
const vm = (name: string, change: Partial<TracedVm> = {}): TracedVm => ({
  ...{ name, state: 'RUNNING', nics: [nic] },
  uplink: { bridge: 'mega_bridge', name: 'eth0', passes: [100], whyNot: '' },
  ...change,
});
const probe: ProbeResult = {
  ...{ atMs: 0, staleAtMs: 1_000, bigBytes: 1_514, bad: [], causes: [], unsteady: [], flooded: [], unshielded: [] },
  nodes: ['node1', 'node2'].map((name) => ({
    ...{ name, state: 'ok', reason: '', bridge: 'mega_bridge', uplink: 'eth0', mtu: 1_500 },
  })),
  vlans: [{ vlan: 100, alias: 'lan' }],
};
const trace = (change: Partial<TraceInput> = {}) =>
  traceRows(
    traceHops({
      ...{ from: { node: 'node1', vm: vm('a') }, to: { node: 'node2', vm: vm('b') } },
      ...{ probe, failure: '', nowMs: 1, ...change },
    }),
  );
const broken = (rows: string[][]) => rows.filter((row) => row[5] !== 'ok').map((row) => row.slice(2).join(' '));

test('a path that is well has all its hops, from one VM to the other', () => {
  expect(trace().map((row) => row.slice(1, 6).join(' '))).toEqual([
    ...['1 node1 vm a ok', '2 node1 tap mega_tap0 ok', '3 node1 port mega_tap0 ok', '4 node1 bridge mega_bridge ok'],
    ...['5 node1 flows mega_bridge ok', '6 node1 uplink eth0 ok', '7 node1 switches to node2 ok'],
    ...['8 node2 switches to node1 ok', '9 node2 uplink eth0 ok', '10 node2 flows mega_bridge ok'],
    ...[
      '11 node2 bridge mega_bridge ok',
      '12 node2 port mega_tap0 ok',
      '13 node2 tap mega_tap0 ok',
      '14 node2 vm b ok',
    ],
  ]);
});

test('on one node there is neither uplink nor switch', () => {
  const rows = trace({ to: { node: 'node1', vm: vm('b') }, probe: null });
  expect(rows.map((row) => row[3])).toEqual([
    'vm',
    'tap',
    'port',
    'bridge',
    'flows',
    'flows',
    'bridge',
    'port',
    'tap',
    'vm',
  ]);
  const other = { ...nic, bridge: 'br1', port: 'VLAN 100 on br1' };
  expect(broken(trace({ to: { node: 'node1', vm: vm('b', { nics: [other] }) }, probe: null }))).toEqual([
    'node1 bridge mega_bridge broken mega_bridge and br1 are two bridges, and nothing joins them',
  ]);
});

describe('what is broken is named with what was seen', () => {
  test.each<[Partial<TracedVm>, string]>([
    [{ state: 'PAUSED' }, 'node1 vm a broken it is PAUSED'],
    [{ nics: [{ ...nic, tapState: 'unheld' }] }, 'node1 tap mega_tap0 broken its VM does not hold it'],
    [
      { nics: [{ ...nic, port: 'VLAN 5 on mega_bridge', isPortRight: false }] },
      'node1 port mega_tap0 broken it has VLAN 5 on mega_bridge, not VLAN 100 on mega_bridge',
    ],
    [{ nics: [{ ...nic, port: '', isPortRight: false }] }, 'node1 port mega_tap0 broken the switch has no port for it'],
    [{ nics: [{ ...nic, portFailure: 'no such device' }] }, 'node1 bridge mega_bridge broken no such device'],
    [
      { uplink: { bridge: 'mega_bridge', name: 'eth0', passes: [], whyNot: '' } },
      'node1 uplink eth0 broken its port on mega_bridge does not pass VLAN 100',
    ],
    [
      { uplink: { bridge: 'rack', name: 'eth1', passes: [100], whyNot: '' } },
      'node1 uplink eth1 broken the VM is on mega_bridge, and the uplink on rack',
    ],
  ])('%#', (change, hop) => {
    expect(broken(trace({ from: { node: 'node1', vm: vm('a', change) } }))).toEqual([hop]);
  });

  test('switches, with what to ask the network team for', () => {
    const blocked: ProbeResult = {
      ...probe,
      bad: [{ vlan: 100, from: 'node2', to: 'node1', verdict: 'blocked-one-way', arrivedOn: [] }],
      causes: [
        {
          ...{ kind: 'port', symptom: 'blocked', vlans: [100], groups: [['node1']] },
          ...{ direction: 'to', arrivedOn: 0, or: ['node2'] },
        },
      ],
    };
    expect(broken(trace({ probe: blocked }))).toEqual([
      'node2 switches to node1 broken blocked one way. The switch port of node1 or of node2 drops frames of VLAN 100 for node1, ' +
        'and passes those of the other direction. Look for a filter of outgoing frames on that port, and allow VLAN 100 in both directions.',
    ]);
  });

  test('switches that could not be tested are unknown', () => {
    expect(broken(trace({ probe: null, failure: 'not tested: node2 has no uplink' }))).toEqual([
      'node1 switches to node2 unknown not tested: node2 has no uplink',
      'node2 switches to node1 unknown not tested: node2 has no uplink',
    ]);
    expect(broken(trace({ nowMs: 2_000 }))).toEqual(
      ['node1 switches to node2', 'node2 switches to node1'].map((hop) => `${hop} unknown unknown.`),
    );
  });
});

describe('what the bridge’s flows do with frames of the tap', () => {
  const at = (change: Partial<TracedFlows> | undefined) => {
    const of = { ...nic, flows: change && { ...flows, ...change } };
    const { state, evidence } = traceHops({
      ...{ from: { node: 'node1', vm: vm('a', { nics: [of] }) }, to: { node: 'node2', vm: vm('b') } },
      ...{ probe, failure: '', nowMs: 1 },
    })[4]!;
    return `${state}: ${evidence}`;
  };

  test.each<[string, Partial<TracedFlows> | undefined]>([
    ['ok: forwards as a switch (NORMAL): 12 packets of all ports', {}],
    [
      'ok: forwards as a switch (NORMAL): 12 packets of all ports; the guest said its addresses in 1 packet',
      { ours: { flows: 3, packets: 1 } },
    ],
    ['broken: no flow takes its frames, so the bridge drops them', { rest: null }],
    [
      'broken: the flow of priority 9 drops its frames: 1 packet of it',
      { rest: { does: 'drop', packets: 1, priority: 9, isOfPort: true } },
    ],
    [
      'unknown: a flow of priority 9 of others decides about its frames: 2 packets of all ports',
      { rest: { does: 'other', packets: 2, priority: 9, isOfPort: false } },
    ],
    [
      'unknown: forwards as a switch (NORMAL): 12 packets of all ports; 1 flow of others takes some of its frames first (7 packets)',
      { others: { flows: 1, packets: 7 } },
    ],
    ['unknown: the bridge does not answer', { failure: 'the bridge does not answer' }],
    ['unknown: its meshd does not tell flows: upgrade it', undefined],
  ])('%s', (text, change) => {
    expect(at(change)).toBe(text);
  });
});

describe('what to do about a hop', () => {
  const hop = (place: TraceHop['place'], state: TraceHop['state'], evidence = '') => ({
    ...{ vlan: 100, node: 'node1', place, name: 'x', state, evidence },
  });

  test('each place that is broken has advice, and what is well has none', () => {
    const places = ['vm', 'tap', 'port', 'bridge', 'flows', 'uplink', 'switches'] as const;
    expect(places.filter((place) => adviceOnHop(hop(place, 'broken')) === '')).toEqual([]);
    expect(places.filter((place) => adviceOnHop(hop(place, 'ok')) !== '')).toEqual([]);
    expect(adviceOnHop(hop('switches', 'unknown'))).toContain('could not be tested');
    expect(adviceOnHop({ ...hop('vm', 'broken'), vlan: 0 })).toContain('vm net connect');
    expect(adviceOnHop(hop('bridge', 'broken', 'a and b are two bridges'))).toContain('bridge trunk');
  });

  test('the first broken one is explained, also behind one that is not known', () => {
    const hops = [hop('vm', 'ok'), hop('flows', 'unknown'), hop('uplink', 'broken'), hop('switches', 'broken')];
    expect(firstBroken(hops)?.place).toBe('uplink');
    expect(firstBroken(hops.slice(0, 2))).toBeNull();
  });
});

test('VMs without a VLAN in common, and with several', () => {
  const on = (...vlans: number[]) => vlans.map((vlan) => ({ ...nic, vlan, port: `VLAN ${vlan} on mega_bridge` }));
  expect(sharedVlans(vm('a', { nics: on(300, -1, 100, 200) }), vm('b', { nics: on(-1, 100, 300) }))).toEqual([
    100, 300,
  ]);
  expect(broken(trace({ to: { node: 'node2', vm: vm('b', { nics: on(200, 201) }) } }))).toEqual([
    'node1 vm a broken they have no VLAN in common: a is on 100, b is on 200-201',
  ]);
});
