// A fleet and runs in memory, for tests of the parts around them: they remember what was asked of them and let a test push
// what real ones would.
import type { FleetDelta, FleetSnapshot } from '../contract/fleet.ts';
import type { Plan, RunEvent, RunSummary, RunView } from '../contract/plans.ts';
import { AppError } from '../contract/errors.ts';
import { createConsoleDispatcher } from './hub/console-dispatcher.ts';
import type { Dispatcher } from './hub/dispatcher.ts';
import type { HandlerComponents } from './hub/handlers.ts';
import type { CommandCall, CreateFleet, CreateRuns, Fleet, Log, Runs } from './ports.ts';
import { listConsoleKeys } from './ssh/console-key.ts';
import type { ConsoleStore } from './store/types.ts';

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

export interface TestFleet extends Fleet {
  push(delta: FleetDelta): void;
  readonly commands: CommandCall[];
}

export const emptySnapshot: FleetSnapshot = { Revision: 7, Now: 1, Kinds: {}, Events: [] };
export const emptyDelta: FleetDelta = { From: 7, Revision: 8, Now: 2, Kinds: {}, Events: [] };

export function createTestFleet(): TestFleet {
  const listeners = new Set<(delta: FleetDelta) => void>();
  const commands: CommandCall[] = [];
  return {
    commands,
    push: (delta) => listeners.forEach((listener) => listener(delta)),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    reload: () => Promise.resolve(),
    snapshot: () => emptySnapshot,
    onDelta(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    runCommand(call) {
      commands.push(call);
      if (call.line !== 'wait') return Promise.resolve({ failed: call.line === 'fail' });
      return new Promise((_resolve, reject) => {
        call.signal.addEventListener('abort', () => reject(new AppError('cancelled', 'cancelled')));
      });
    },
    vm: () => null,
    openStream: () => Promise.reject(new AppError('unreachable', 'a fleet in memory has no nodes')),
    suggest: ({ text }) => Promise.resolve([`${text}status`]),
  };
}

const plan: Plan = {
  id: 'p1',
  kind: 'deploy',
  title: 'Deploy',
  createdAt: 1,
  steps: [],
  waves: [],
  onFailure: 'stop',
  command: 'meshdeck deploy node[1-2]',
  secrets: [],
  warnings: [],
};
export const testSummary: RunSummary = {
  id: 'r1',
  kind: 'deploy',
  title: 'Deploy',
  state: 'running',
  startedBy: 'Ann',
  startedAt: 1,
  endedAt: null,
  nodes: ['node1', 'node2'],
  counts: { total: 0, done: 0, failed: 0 },
  missingSecrets: [],
};

export interface TestRuns extends Runs {
  push(event: RunEvent): void;
  /** Tells everybody that a run changed. */
  change(summary: RunSummary): void;
  /** Called inside `subscribe`, before it resolves. */
  whileSubscribing: () => void;
  readonly asked: string[];
}

export function createTestRuns(): TestRuns {
  const listeners = new Set<(event: RunEvent) => void>();
  const changed = new Set<(summary: RunSummary) => void>();
  const asked: string[] = [];
  const answer = (what: string) => {
    asked.push(what);
    return Promise.resolve(testSummary);
  };
  const runs: TestRuns = {
    asked,
    whileSubscribing: () => undefined,
    push: (event) => listeners.forEach((listener) => listener(event)),
    change: (summary) => changed.forEach((listener) => listener(summary)),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    makePlan: () => Promise.resolve(plan),
    startRun: (_caller, id) => answer(`start ${id}`),
    list: () => Promise.resolve([testSummary]),
    subscribe(_run, listener) {
      listeners.add(listener);
      runs.whileSubscribing();
      const view: RunView = { ...testSummary, plan, steps: [], begun: [], log: [], progress: {} };
      return Promise.resolve({ view, stop: () => listeners.delete(listener) });
    },
    onChanged(listener) {
      changed.add(listener);
      return () => changed.delete(listener);
    },
    cancel: (_caller, run) => answer(`cancel ${run}`),
    retry: (_caller, run) => answer(`retry ${run}`),
    evidence: (run, step) =>
      step === 'ensureBridge node1'
        ? Promise.resolve({ fileName: `bridge-${run}.tar.gz`, bytes: Buffer.from('evidence') })
        : Promise.reject(new AppError('not-found', `"${step}" is not a bridge step`)),
    undo: (_caller, run) => answer(`undo ${run}`),
    answer: (_caller, run) => answer(`answer ${run}`),
    signal: (_caller, run) => answer(`signal ${run}`),
    provideSecrets: (_caller, run) => answer(`secrets ${run}`),
    describe: () => Promise.resolve({ command: plan.command, nodes: ['node1', 'node2'] }),
  };
  return runs;
}

export const testMakers: { createFleet: CreateFleet; createRuns: CreateRuns } = {
  createFleet: createTestFleet,
  createRuns: createTestRuns,
};

/** The console's dispatcher over parts of memory. */
export function createTestDispatcher(
  components: Pick<HandlerComponents, 'auth' | 'fleet' | 'runs'> & { store: ConsoleStore },
): Dispatcher {
  const { store, ...parts } = components;
  return createConsoleDispatcher(
    { log: silentLog, version: '1', isSimulated: false, now: () => 5 },
    {
      ...parts,
      audit: store.audit,
      hosts: store.hosts,
      consoleKeys: () => listConsoleKeys(store),
      caCopies: {
        list: () => Promise.resolve([]),
        keep: () => Promise.resolve({ cluster: 'c1', code: 'AAAA-BBBB' }),
      },
      showBridges: (nodes) => Promise.resolve([{ node: nodes, summary: null, error: 'not reached' }]),
    },
  );
}
