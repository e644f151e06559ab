import { expect, test } from 'vitest';
import type { RunView } from '../../contract/plans.ts';
import { launchStep } from '../../core/plans/vms/actions.ts';
import { testPlan, testRun, testView } from '../wizard/plan-for-tests.ts';
import { launchedVms, progressOf } from './progress.ts';
import { testNode, testVm } from './rows-for-tests.ts';

const args = { cluster: 'c', namespace: 'lab', uuids: 'p1' };
const launch = (node: string, names: string) =>
  launchStep({
    action: 'launchVms',
    node,
    title: `Launch ${names}`,
    why: '',
    args: { ...args, node, names, settings: [], networks: [] },
  });
const start = (node: string, names: string) =>
  launchStep({ action: 'startVms', node, title: `Start ${names}`, why: '', args: { ...args, node, names } });
const plan = testPlan([launch('node1', 'web[1-2]'), start('node1', 'web[1-2]'), launch('node2', 'web[3-4]')]);
const nodes = new Map(['node1', 'node2'].map((name) => [`id-${name}`, testNode(name)]));
const look = (run: RunView, ...vms: ReturnType<typeof testVm>[]) =>
  progressOf(run, { vms: new Map(vms.map((vm, at) => [String(at), vm])), nodes });
const dots = (progress: ReturnType<typeof progressOf>) =>
  progress.nodes.map(
    ({ node, dots: all }) => `${node}: ${all.map(({ name, state }) => `${name} ${state}`).join(', ')}`,
  );

test('a dot follows its VM from waiting to running', () => {
  const waiting = testRun(plan, []);
  expect(dots(look(waiting))).toEqual(['node1: web1 waiting, web2 waiting', 'node2: web3 waiting, web4 waiting']);
  const at = testRun(plan, [testView('launchVms node1', 'running')], {
    progress: { 'launchVms node1': { text: 'launched 1 of 2' } },
  });
  const progress = look(at, testVm('web1', 'node1', { State: 'BUILDING' }));
  expect(dots(progress)[0]).toBe('node1: web1 paused, web2 making');
  expect(progress.nodes[0]?.doing).toBe('launched 1 of 2');
  const done = testRun(plan, [testView('launchVms node1', 'done'), testView('startVms node1', 'done')]);
  const both = look(done, testVm('web1', 'node1'), testVm('web2', 'node1', { State: 'PAUSED' }));
  expect(dots(both)[0]).toBe('node1: web1 running, web2 paused');
  expect(both.counts).toMatchObject({ running: 1, paused: 1, waiting: 2 });
  // Another namespace or another node may have the name too.
  expect(dots(look(done, testVm('web1', 'node2'), testVm('web2', 'node1', { Namespace: 'x' })))[0]).toBe(
    'node1: web1 gone, web2 gone',
  );
});

test('failures come first, each reason once with its VMs', () => {
  const failed = testRun(plan, [
    testView('launchVms node1', 'done'),
    testView('launchVms node2', 'failed', {
      error: 'web[3-4]: no room',
      result: {
        detail: {
          vms: [
            { name: 'web3', error: 'no room' },
            { name: 'web4', error: 'no room' },
          ],
        },
      },
    }),
  ]);
  const progress = look(
    failed,
    testVm('web1', 'node1'),
    testVm('web2', 'node1', { State: 'ERROR', Reason: 'QEMU died' }),
  );
  expect(progress.nodes.map(({ node }) => node)).toEqual(['node1', 'node2']);
  expect(progress.failures).toEqual([
    { names: 'web2', why: 'node1: QEMU died' },
    { names: 'web[3-4]', why: 'node2: no room' },
  ]);
  // A step that could not even be begun.
  const away = look(testRun(plan, [testView('launchVms node2', 'failed', { error: 'node2 is not in the mesh now' })]));
  expect(away.failures).toEqual([{ names: 'web[3-4]', why: 'node2 is not in the mesh now' }]);
  expect(dots(away)).toEqual(['node2: web3 failed, web4 failed', 'node1: web1 waiting, web2 waiting']);
  const lost = look(testRun(plan, []), testVm('web3', 'node2', { State: 'LOST', Reason: 'node2 does not answer' }));
  expect(lost.nodes[0]?.node).toBe('node2');
  expect(lost.failures).toEqual([{ names: 'web3', why: 'node2 does not answer' }]);
});

test('the VMs that it made come in the order of the plan, without those of others', () => {
  const vms = [testVm('web3', 'node2'), testVm('web2', 'node1'), testVm('web1', 'node2'), testVm('db1', 'node1')];
  const made = launchedVms({ plan }, { vms: new Map(vms.map((vm, at) => [String(at), vm])), nodes });
  expect(made.map(({ node, vm }) => `${node} ${vm.Name}`)).toEqual(['node1 web2', 'node2 web3']);
});
