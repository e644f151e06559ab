import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import type { StepView } from '../contract/plans.ts';
import type { BridgeFacts } from '../core/plans/bridge/observe/facts.ts';
import { BridgeForm, type BridgeSighting } from '../core/plans/bridge/plan/inputs.ts';
import { persistBridge } from '../core/plans/bridge/persist/persist.ts';
import { planBridge } from '../core/plans/bridge/plan/plan.ts';
import { bridgedFacts, bridgeFacts, nicFacts } from '../core/plans/bridge/observe/facts-for-tests.ts';
import { planKinds } from '../core/plans/kinds.ts';
import type { Backend } from './backend.ts';
import { addBridgeExtras, printRunbook } from './bridge-command.ts';
import { planAndRun } from './plan-command.ts';
import { addPlanCommands } from './plan-words.ts';
import { describeUndoWarning } from './plan-text.ts';

const ended = new Error('a plan was asked for');

/** What `meshdeck bridge <words>` does up to the plan. */
async function bridge(...words: string[]): Promise<unknown> {
  const program = new Command().exitOverride();
  const backend = { makePlan: () => Promise.reject(ended) } as unknown as Backend;
  const commands = addPlanCommands(program, planKinds, async (kind, form) => {
    await printRunbook(backend, kind, form);
  });
  addBridgeExtras(commands, async (work) => {
    await work(backend);
  });
  return program.parseAsync(['node', 'meshdeck', 'bridge', ...words, '--runbook']).catch((error: unknown) => error);
}

test.each([
  ['--uplink', ['eth0']],
  ['--method', ['commands']],
  ['--datapath', ['netdev']],
  ['--reboot-canary', []],
])('a removal takes no %s: that is an error, and no plan is made', async (flag, values) => {
  const words = [flag, ...values];
  const undo = ['node1', '--undo', '--confirm', 'mega_bridge'];
  expect(await bridge(...undo, ...words)).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining(flag) as string,
  });
  expect(await bridge(...undo)).toBe(ended);
  expect(await bridge('node1', ...words)).toBe(ended);
});

test('before a run that may cut the shell off, it says what to type at the node, and how the console is found again', async () => {
  const sayings: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void sayings.push(text));
  const facts = {
    nodes: [sighting('node1', bridgeFacts({ nics: [nicFacts({ owner: 'none' })] })), sighting('node2', bridgedFacts())],
    bystanders: [],
  };
  const made = planBridge(
    BridgeForm.parse({ nodes: 'node[1-2]', method: 'commands' }),
    facts,
    { id: 'p1', nowMs: 1 },
    persistBridge,
  );
  if (!made.ok) throw new Error(made.message);
  const backend = {
    command: 'meshdeck --console https://10.0.0.9:8443',
    makePlan: () => Promise.resolve(made.plan),
    startRun: () => {
      sayings.push('started');
      return Promise.reject(ended);
    },
  } as unknown as Backend;
  await expect(planAndRun(backend, 'bridge', {}, { run: true })).rejects.toBe(ended);
  const note = sayings.at(-2) ?? '';
  expect(sayings.at(-1)).toBe('started');
  expect(note).toContain('one of node1 does not come back');
  expect(note).toContain('sh /var/lib/meshd/bridge/pending/tx undo');
  expect(note).toContain('meshdeck --console https://10.0.0.9:8443 runs');
  vi.restoreAllMocks();
  // And before its undo, whose VMs are cut off.
  const done = made.plan.steps.map(({ key, isDone }) => stepView(key, isDone ? 'unchanged' : 'done'));
  const warning = describeUndoWarning({ plan: made.plan, steps: done, begun: [] });
  expect(warning).toContain('VMs on mega_bridge of node1 lose their network');
  expect(warning).toContain('meshdeck bridge --undo node1 --bridge mega_bridge --confirm mega_bridge --plan');
  expect(describeUndoWarning({ plan: made.plan, steps: [], begun: [] })).toBe('');
});

function stepView(key: string, state: StepView['state']): StepView {
  return { key, state, startedAt: null, endedAt: null, error: '', result: {} };
}

function sighting(name: string, facts: BridgeFacts): BridgeSighting {
  const target = { name, address: '10.0.0.5', port: 22, user: 'root' };
  return { target, isHead: false, isConsole: false, facts, error: '' };
}
