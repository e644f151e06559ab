import { describe, expect, test } from 'vitest';
import { bridgeStep } from '../../core/plans/bridge/plan/actions.ts';
import type { BridgeStepArgs } from '../../core/plans/bridge/plan/step-args.ts';
import { makePlan } from '../../core/plans/step.ts';
import { testRun, testStep, testView } from '../wizard/plan-for-tests.ts';
import { bridgeNodes, describeLeft, describeNode, mostUrgent, uplinkChoices, watchedNodes } from './bridge-view.ts';
import { uplinksOf, withUplink } from './uplinks.ts';

const picture = { carrier: 'eth0', addresses: ['10.0.0.5/24'], routes: [], dns: [], ports: [], bridge: '' };
const argsOf = (node: string): BridgeStepArgs => ({
  target: { name: node, address: '10.0.0.5', port: 22, user: 'root' },
  expected: ['10.0.0.5'],
  transaction: {
    kind: 'ensure',
    bridge: 'mega_bridge',
    uplink: 'eth0',
    mac: '02:00:00:00:00:01',
    mtu: 1500,
    datapath: 'system',
    owner: 'ifupdown',
    method: 'ifupdown',
    dhcp: 'dhclient',
    dhcpClientId: '',
    files: [],
    enable: [],
    disable: [],
    addresses: ['10.0.0.5/24'],
    leave: [],
    checks: ['carrier'],
    isHeld: false,
    times: {
      settle: 3,
      inside: 20,
      window: 120,
      cap: 600,
      ovsApply: 10,
      ovsUndo: 5,
      dhcp: 30,
      ownerRestart: 30,
      reboot: 0,
    },
  },
  witness: { rule: { kind: 'console-and-peer', hasGateway: false }, peers: [], isConsoleOnNode: false },
  before: picture,
  after: { ...picture, carrier: 'mega_bridge', bridge: 'mega_bridge', ports: ['eth0'] },
  nics: [],
  ownerText: 'ifupdown',
  madeBy: '',
  presence: 'absent',
  findings: [],
  outage: 'well under a second',
  rollback: '',
  witnessText: '',
  taps: [],
  traits: {},
});
const stepOf = (node: string) =>
  bridgeStep({ action: 'ensureBridge', node, title: 'Put eth0 into mega_bridge', why: '', args: argsOf(node) });
const plan = makePlan(
  'bridge',
  { id: 'p1', nowMs: 1 },
  {
    title: 'mega_bridge on node[1-3]',
    command: 'meshdeck bridge node[1-3]',
    steps: [...['node1', 'node2', 'node3'].map(stepOf), testStep('other', 'node4')],
  },
);
const progress = (leftMs: number | null) => ({
  state: 'inside-ok',
  leftMs,
  capLeftMs: 480_000,
  checks: [],
  witnesses: [],
  outageMs: 40,
  text: '',
  news: '',
  isHeld: false,
});
const outcome = {
  transaction: 'r1-1',
  outcome: 'rolled-back',
  outageMs: 30,
  seconds: 15,
  witnesses: [],
  rebootDoubts: null,
  reason: 'nobody saw it',
  dhcp: 'none',
  causes: [],
  differences: [],
  goodNode: '',
};

describe('a bridge run on the screen', () => {
  test('has a node for each step whose arguments it can read', () => {
    expect(bridgeNodes(plan).map(({ node }) => node)).toEqual(['node1', 'node2', 'node3']);
  });

  test('counts down to the node that goes back first, and leaves out those without a timer', () => {
    const run = testRun(plan, [testView('ensureBridge node1', 'running')], {
      progress: {
        'ensureBridge node1': progress(41_000),
        'ensureBridge node2': progress(12_500),
        'ensureBridge node3': progress(null),
      },
    });
    expect(mostUrgent(watchedNodes(run))?.node).toBe('node2');
    expect(mostUrgent(watchedNodes(testRun(plan, [])))).toBeNull();
  });

  test('finds the outcome of a failed step in the detail of its error', () => {
    const run = testRun(plan, [
      testView('ensureBridge node1', 'failed', { error: 'rolled back', result: { detail: outcome } }),
      testView('ensureBridge node2', 'done', { result: { ...outcome, outcome: 'committed' } }),
    ]);
    expect(watchedNodes(run).map(({ result }) => result?.outcome ?? null)).toEqual(['rolled-back', 'committed', null]);
  });

  test('says how it is with a node, where its steps do not say it all', () => {
    const kept = { ...outcome, outcome: 'committed' };
    const wordsOf = (...views: Parameters<typeof testView>[]) => {
      const run = testRun(
        plan,
        views.map((view) => testView(...view)),
      );
      return watchedNodes(run).map((node) => describeNode(node)?.word ?? '');
    };
    expect(
      wordsOf(
        ['ensureBridge node1', 'done', { result: kept }],
        ['ensureBridge node2', 'failed', { error: 'no key' }],
        ['ensureBridge node3', 'undone', { result: kept }],
      ),
    ).toEqual(['kept', 'failed', '']);
    expect(
      wordsOf(
        ['ensureBridge node1', 'undo-failed', { result: kept }],
        ['ensureBridge node2', 'failed', { result: { detail: outcome } }],
        ['ensureBridge node3', 'unchanged'],
      ),
    ).toEqual(['not taken away', 'went back to how it was', '']);
  });

  test('a removal is not kept: the bridge is taken away, or there again', () => {
    const removal = {
      ...plan,
      steps: plan.steps.map((step) => {
        const transaction = step.do.args['transaction'] as Record<string, unknown> | undefined;
        return transaction
          ? { ...step, do: { ...step.do, args: { ...step.do.args, transaction: { ...transaction, kind: 'remove' } } } }
          : step;
      }),
    };
    const run = testRun(
      removal,
      [
        testView('ensureBridge node1', 'done', { result: { ...outcome, outcome: 'committed' } }),
        testView('ensureBridge node2', 'failed', { result: { detail: outcome } }),
        testView('ensureBridge node3', 'running'),
      ],
      { progress: { 'ensureBridge node3': { ...progress(null), state: 'committed' } } },
    );
    expect(watchedNodes(run).map((node) => describeNode(node)?.word)).toEqual([
      'taken away',
      'went back to how it was: the bridge is still there',
      'taken away',
    ]);
  });

  test('a restart that was to prove it belongs to its node, well or not', () => {
    const proof = testStep('proveByReboot', 'node1');
    const proven = makePlan('bridge', { id: 'p1', nowMs: 1 }, { ...plan, steps: [...plan.steps, proof] });
    const wordsOf = (view: ReturnType<typeof testView>) => {
      const kept = testView('ensureBridge node1', 'done', { result: { ...outcome, outcome: 'committed' } });
      const [node] = watchedNodes(testRun(proven, [kept, view]));
      return node && [node.proof?.secondsAway, describeNode(node)?.word];
    };
    const result = { secondsAway: 34.5, differences: [] };
    expect(wordsOf(testView(proof.key, 'done', { result }))).toEqual([34.5, 'kept']);
    const detail = { secondsAway: 34.5, differences: ['there is no mega_bridge'] };
    expect(wordsOf(testView(proof.key, 'failed', { result: { detail } }))).toEqual([
      34.5,
      'kept, and lost in its restart',
    ]);
  });

  test('shows what is left as minutes and seconds, never below zero', () => {
    expect([65_000, 40_001, 900, 0, -3_000].map(describeLeft)).toEqual(['1:05', '0:41', '0:01', '0:00', '0:00']);
  });
});

test('a NIC chosen for one node is a separate entry, and auto takes it out', () => {
  const uplinks = withUplink(withUplink({}, 'node1', 'eth1'), 'node2', 'ens3');
  expect(uplinksOf({ uplinks })).toEqual({ node1: 'eth1', node2: 'ens3' });
  expect(withUplink(uplinks, 'node1', 'auto')).toEqual({ node2: 'ens3' });
  expect(uplinksOf({ uplinks: 'nonsense' })).toEqual({});
  expect(uplinksOf({})).toEqual({});
});

test('the form has a choice of NICs for nodes that blocked the last plan, and for those with a choice from before', () => {
  const nic = { name: 'eth1', kind: 'ethernet', mac: '', address: '', owner: '', hasCarrier: true, isIngress: false };
  const refusal = {
    field: 'uplink',
    blocked: [
      { node: 'node1', findings: [], nics: [nic] },
      { node: 'node2', findings: [], nics: [] },
    ],
  };
  expect(uplinkChoices({ node1: 'eth0', node3: 'eth0' }, refusal)).toEqual([
    { node: 'node1', nics: [nic] },
    { node: 'node3', nics: [] },
  ]);
  expect(uplinkChoices({}, { field: 'nodes' })).toEqual([]);
  expect(uplinkChoices({}, null)).toEqual([]);
});
