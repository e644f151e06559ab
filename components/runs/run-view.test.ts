import { describe, expect, it } from 'vitest';
import type { FleetNode } from '../../contract/fleet.ts';
import type { PlanKind, RunView, StepState } from '../../contract/plans.ts';
import { scheduleUndo } from '../../core/plans/schedule.ts';
import { bridgeUndoOf } from '../../core/plans/bridge/plan/undo-radius.ts';
import { undoable } from '../../core/plans/undoable.ts';
import { testPlan, testRun, testStep, testView } from '../wizard/plan-for-tests.ts';
import { nextThing } from './next-thing.ts';
import { describeDuration, elapsedOf } from './run-words.ts';
import { runKindOf } from './run-kinds.tsx';
import { countLanes, isRetryable, lanesOf, logOf, missingSecrets, runCommands } from './run-view.ts';
import { type Standing, standingsOf } from './standing.ts';

const steps = ['node2', 'node1'].flatMap((node) => [testStep('pin', node), testStep('key', node)]);
const plan = testPlan([testStep('register', ''), ...steps], { waves: [['node1'], ['node2']] });

function laneStates(...states: StepState[]): string {
  const own = states.map((_, at) => testStep(`s${at}`, 'n'));
  const views = states.map((state, at) => testView(`s${at} n`, state));
  return lanesOf(testRun(testPlan(own), views))[0]!.state;
}

describe('lanes of a run', () => {
  it('stand in the order of the waves, the console first, each with its own steps', () => {
    const lanes = lanesOf(testRun(plan, []));
    expect(lanes.map(({ node }) => node)).toEqual(['', 'node1', 'node2']);
    expect(lanes[1]!.steps.map(({ step }) => step.key)).toEqual(['pin node1', 'key node1']);
    expect(lanes.every(({ state, current }) => state === 'waiting' && current === null)).toBe(true);
  });

  it.each([
    [['done', 'running', 'waiting'], 'running'],
    [['done', 'waiting'], 'running'],
    [['done', 'unchanged'], 'done'],
    [['done', 'failed', 'skipped'], 'failed'],
    [['failed', 'asking'], 'asking'],
    [['done', 'skipped'], 'skipped'],
    [['done', 'cancelled'], 'cancelled'],
    [['undone', 'unchanged'], 'undone'],
    [['undone', 'undoing'], 'running'],
    [['undo-failed', 'undone'], 'failed'],
  ] as [StepState[], string][])('%j is %s', (states, expected) => {
    expect(laneStates(...states)).toBe(expected);
  });

  it('looks at what fails before what runs, else at what ended last', () => {
    const view = testRun(plan, [
      testView('pin node1', 'done', { endedAt: 5 }),
      testView('pin node2', 'failed', { endedAt: 6 }),
      testView('key node2', 'running'),
    ]);
    const [, one, two] = lanesOf(view);
    expect(one!.current?.step.key).toBe('pin node1');
    expect(two!.current?.step.key).toBe('pin node2');
    expect(countLanes(lanesOf(view))).toMatchObject({ running: 2, waiting: 1 });
  });

  it('has the log of a node, and of one step of it', () => {
    const log = [
      { at: 1, node: 'node1', step: 'pin node1', text: 'a' },
      { at: 2, node: 'node1', step: 'key node1', text: 'b' },
      { at: 3, node: 'node2', step: 'pin node2', text: 'c' },
    ];
    expect(logOf(log, 'node1', null).map(({ text }) => text)).toEqual(['a', 'b']);
    expect(logOf(log, 'node1', 'key node1').map(({ text }) => text)).toEqual(['b']);
  });
});

describe('what an undo does', () => {
  it('asks to type the cluster or the machines that it takes away', () => {
    const confirmUndo = (run: RunView) => runKindOf(run.kind).confirmUndo?.(run) ?? '';
    const views = [testView('a n1', 'done'), testView('a n2', 'done'), testView('a n3', 'unchanged')];
    const nodes = ['n1', 'n2', 'n3'].map((node) => testStep('a', node));
    expect(confirmUndo(testRun(testPlan(nodes, { kind: 'add-nodes' }), views))).toBe('n[1-2]');
    const register = testStep('r', 'n1', { do: { action: 'registerCluster', args: { context: 'john' } } });
    expect(confirmUndo(testRun(testPlan([...nodes, register], { kind: 'deploy' }), views))).toBe('john');
    expect(confirmUndo(testRun(testPlan(nodes, { kind: 'bridge' }), views))).toBe('');
  });

  it('turns back what was done and says what stays', () => {
    const own = testPlan([testStep('a', 'n'), testStep('b', 'n', { undo: null }), testStep('c', 'n')]);
    const views = [testView('a n', 'done'), testView('b n', 'done'), testView('c n', 'unchanged')];
    const { can, cannot } = undoable(testRun(own, views));
    expect(can.map(({ key }) => key)).toEqual(['a n']);
    expect(cannot.map(({ key }) => key)).toEqual(['b n']);
  });

  it('turns back what failed or was cancelled once it had begun, as the server does', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const states = ['failed', 'failed', 'cancelled', 'cancelled', 'undo-failed'] as const;
    const views = states.map((state, at) => testView(`${names[at]} n`, state));
    const own = testPlan(names.map((name) => testStep(name, 'n')));
    const run = testRun(own, views, { begun: ['a n', 'c n'], state: 'cancelled' });
    expect(undoable(run).can.map(({ key }) => key)).toEqual(['a n', 'c n', 'e n']);
    // The server's rule: an undo that failed is tried again, like that of a finished step.
    const stateOf = (key: string) => {
      const state = views.find((view) => view.key === key)!.state;
      return state === 'undo-failed' ? 'done' : state;
    };
    const { start } = scheduleUndo(own, { stateOf, limit: 9, wasBegun: (key) => run.begun.includes(key) });
    expect(undoable(run).can).toEqual(start);
  });

  it('names the bridge that it takes away, and the plan that tells what is on it', () => {
    const undo = { action: 'removeBridge', args: { bridge: 'br1' } };
    const own = testPlan([testStep('a', 'n1', { undo }), testStep('a', 'n2', { undo }), testStep('b', 'n3')]);
    const views = ['a n1', 'a n2', 'b n3'].map((key) => testView(key, 'done'));
    const run = testRun(own, views, { state: 'done' });
    expect(bridgeUndoOf(undoable(run).can)).toEqual({
      bridge: 'br1',
      nodes: 'n[1-2]',
      command: "meshdeck bridge --undo 'n[1-2]' --bridge br1 --confirm br1",
    });
    expect(bridgeUndoOf(undoable(testRun(own, views.slice(2))).can)).toBeNull();
  });
});

describe('the next thing to do', () => {
  it('is the answer to all steps that ask', () => {
    const next = nextThing(
      testRun(plan, [testView('key node1', 'asking'), testView('key node2', 'asking')], { state: 'asking' }),
      null,
    );
    expect(next).toMatchObject({ do: 'answer', text: '2 steps ask' });
  });

  it('names the nodes whose password is wanted', () => {
    const names = ['node1', 'node2'].map((node) => ({ name: `password:root@${node}`, label: 'P', node }));
    const run = testRun({ ...plan, secrets: names }, [], {
      state: 'needs-secret',
      missingSecrets: names.map(({ name }) => name),
    });
    expect(nextThing(run, null).text).toContain('node[1-2]');
    expect(missingSecrets(run)).toEqual(names);
    expect(missingSecrets({ ...run, missingSecrets: ['password:ann@node3'] })).toEqual([
      { name: 'password:ann@node3', label: 'Password of ann on node3', node: 'node3' },
    ]);
  });

  it('says what failed, where, and that it can be retried', () => {
    const views = [testView('pin node1', 'failed', { error: 'no route to 10.0.0.1' })];
    expect(nextThing(testRun(plan, views, { state: 'failed' }), null)).toEqual({
      do: 'retry',
      text: 'node1: no route to 10.0.0.1. Fix that, then retry what failed.',
      nodes: ['node1'],
    });
  });

  const bare = { isInMesh: false, hasBridge: false, missing: [] };
  const done = (kind: PlanKind, standings: Record<string, Partial<Standing>> | null) => {
    const run = testRun({ ...plan, kind }, [], { state: 'done' });
    const next = nextThing(run, standings && ((node) => ({ ...bare, ...standings[node] })));
    return next.do === 'go' ? next.ways.map(({ to, nodes }) => `${to} ${nodes}`) : next.do;
  };
  const both = (standing: Partial<Standing>) => ({ node1: standing, node2: standing });

  it('is what the nodes do not have yet: a mesh, a bridge, in whichever order', () => {
    expect(done('add-nodes', {})).toEqual(['deploy node[1-2]', 'bridge node[1-2]']);
    expect(done('add-nodes', { node1: { isInMesh: true, hasBridge: true } })).toEqual(['deploy node2', 'bridge node2']);
    expect(done('add-nodes', both({ hasBridge: true }))).toEqual(['deploy node[1-2]']);
    expect(done('deploy', both({ isInMesh: true }))).toEqual(['bridge node[1-2]', 'mesh node[1-2]']);
    expect(done('add-nodes', both({ isInMesh: true, hasBridge: true }))).toEqual([
      'launch node[1-2]',
      'mesh node[1-2]',
    ]);
  });

  it('is to install first what a look at the machines found missing, on those that lack it', () => {
    const lacking = { node2: { missing: ['qemu-utils'] } };
    expect(done('add-nodes', lacking)).toEqual(['install node2', 'deploy node[1-2]', 'bridge node[1-2]']);
    expect(done('bridge', lacking)).toEqual(['deploy node[1-2]']);
    const run = testRun({ ...plan, kind: 'add-nodes' }, [], { state: 'done' });
    expect(nextThing(run, (node) => ({ ...bare, ...(node === 'node2' ? lacking.node2 : {}) })).text).toContain(
      'Missing on node2: qemu-utils.',
    );
  });

  it('does not bridge again what a run has bridged just now', () => {
    expect(done('bridge', {})).toEqual(['deploy node[1-2]']);
    expect(done('bridge', both({ isInMesh: true }))).toEqual(['launch node[1-2]', 'mesh node[1-2]']);
  });

  it('is nothing after a run that leads nowhere, and while it is not known how far the nodes are', () => {
    expect([done('rotate-key', {}), done('add-nodes', null)]).toEqual(['nothing', 'nothing']);
  });

  it('offers to undo a cancelled run only if it changed something', () => {
    expect(nextThing(testRun(plan, [], { state: 'cancelled' }), null).do).toBe('retry');
    const views = [testView('pin node1', 'done')];
    expect(nextThing(testRun(plan, views, { state: 'cancelled' }), null).do).toBe('undo');
  });
});

it('a run whose undo failed or was cancelled is undone further, and not retried', () => {
  const views = [testView('pin node1', 'undo-failed', { error: 'no route' }), testView('key node1', 'undone')];
  const failed = testRun(plan, views, { state: 'failed' });
  expect(nextThing(failed, null)).toEqual({ do: 'undo', text: 'node1: no route. Fix that, then undo what is left.' });
  const cancelled = testRun(plan, [testView('pin node1', 'done'), views[1]!], { state: 'cancelled' });
  expect(nextThing(cancelled, null)).toMatchObject({
    do: 'undo',
    text: 'Its undo was cancelled: the rest stays until it is undone.',
  });
  for (const run of [failed, cancelled]) {
    expect(isRetryable(run)).toBe(false);
    expect(runCommands(run)).not.toContain('meshdeck runs retry r1');
    expect(runCommands(run)).toContain('meshdeck runs undo r1');
  }
  expect(isRetryable(testRun(plan, [testView('pin node1', 'failed')], { state: 'failed' }))).toBe(true);
});

it('has commands for what the state allows', () => {
  expect(runCommands(testRun(plan, [], { state: 'running' }))).toContain('meshdeck runs cancel r1');
  expect(runCommands(testRun(plan, [], { state: 'failed' }))).toContain('meshdeck runs retry r1');
  expect(runCommands(testRun(plan, [], { state: 'done' }))).not.toContain('meshdeck runs retry r1');
});

describe('times in words', () => {
  it.each([
    [-5, '0 s'],
    [59_999, '59 s'],
    [65_000, '1 min 05 s'],
    [7_380_000, '2 h 03 min'],
  ])('%i ms is %s', (ms, words) => {
    expect(describeDuration(ms)).toBe(words);
  });

  it('tells how long is left, and when it gets late', () => {
    expect(elapsedOf({ startedAt: null, endedAt: null }, 5)).toBeNull();
    expect(elapsedOf({ startedAt: 0, endedAt: null }, 5_000, 10_000)).toEqual({
      elapsedMs: 5_000,
      leftMs: 5_000,
      isLate: false,
    });
    expect(elapsedOf({ startedAt: 0, endedAt: null }, 9_000, 10_000)?.isLate).toBe(true);
    expect(elapsedOf({ startedAt: 0, endedAt: 3_000 }, 99_000, 10_000)).toEqual({
      elapsedMs: 3_000,
      leftMs: null,
      isLate: false,
    });
  });
});

describe('how far a node is', () => {
  const member = (Name: string, parts: Partial<FleetNode> = {}): FleetNode => ({
    Id: Name,
    Name,
    Addresses: [],
    State: 'member',
    Head: false,
    Degree: 1,
    Cluster: 'c',
    AsOf: 1,
    LostAt: null,
    ...parts,
  });
  const noBridge = {
    ...{ Node: 'node1', Cluster: 'c', AsOf: 1, Bridge: '', Uplink: '', Owner: '' },
    ...{ Persistence: '', Reboot: '', Alarms: [] },
  };
  const summary = { uplink: '', owner: '', persistence: '', reboot: '', transaction: '', alarms: [] };
  const known = (name: string, cluster: string, bridge: string) => ({
    id: name,
    name,
    addresses: [],
    user: 'root',
    cluster,
    addedAt: 1,
    bridge: { summary: { ...summary, bridge }, at: 1 },
    port: 22,
    checkedAt: 1,
    missing: name === 'node4' ? ['dnsmasq-base'] : [],
  });

  it('comes from its meshd, otherwise from what the console knows', () => {
    const standings = standingsOf(
      {
        nodes: new Map(
          [member('node1'), member('node2'), member('node3', { State: 'absent' })].map((node) => [node.Id, node]),
        ),
        bridges: new Map([['node1', noBridge]]),
      },
      [known('node1', 'c', 'mega_bridge'), known('node2', 'c', 'mega_bridge'), known('node4', 'c', '')],
    );
    expect(['node1', 'node2', 'node3', 'node4', 'node5'].map(standings)).toEqual([
      { isInMesh: true, hasBridge: false, missing: [] },
      { isInMesh: true, hasBridge: true, missing: [] },
      { isInMesh: false, hasBridge: false, missing: [] },
      { isInMesh: true, hasBridge: false, missing: ['dnsmasq-base'] },
      { isInMesh: false, hasBridge: false, missing: [] },
    ]);
  });
});
