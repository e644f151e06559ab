// The backend in this process: opens the data folder as the console would.
import { AppError } from '../contract/errors.ts';
import { shellWord } from '../core/plans/step.ts';
import { CaCopies } from '../server/ssh/ca-copies.ts';
import { showBridges } from '../server/plans/bridge/bridge-plans.ts';
import { createRunCore } from '../server/plans/create-runs.ts';
import type { RunCore } from '../server/runs/run-core.ts';
import { openWorkspace } from '../server/workspace.ts';
import type { Fleet, Log } from '../server/ports.ts';
import type { Backend } from './backend.ts';

/** @throws AppError `conflict` when a console holds the folder */
export async function openLocalBackend(dataPath: string, log: Log): Promise<Backend> {
  let core: RunCore | null = null;
  const workspace = await openWorkspace(dataPath, {
    log,
    createFleet: () => idleFleet,
    createRuns: (options, components) => {
      core = createRunCore({ ...options, resumesAtStart: false }, components);
      return core;
    },
  });
  const { runs, caller, store } = workspace;
  const caCopies = new CaCopies({ store, settings: store.settings, now: Date.now });
  // openWorkspace has called the function above.
  const runCore = core as unknown as RunCore;
  return {
    command: `meshdeck --data ${shellWord(dataPath)}`,
    makePlan: (kind, form, secrets) =>
      runs.makePlan(caller, { kind, form, secrets, signal: AbortSignal.timeout(300_000) }),
    showBridges: (nodes) => showBridges(nodes, store, AbortSignal.timeout(120_000)),
    startRun: (plan, secrets) => runs.startRun(caller, plan, secrets),
    list: (limit) => runs.list(limit),
    follow: (run, listener) => runs.subscribe(run, listener),
    resume: (run, secrets) => runCore.resume(run, secrets),
    cancel: (run) => runs.cancel(caller, run),
    retry: (run, secrets) => runs.retry(caller, run, secrets),
    undo: (run) => runs.undo(caller, run),
    answer: (run, step, isYes) => runs.answer(caller, run, step, isYes),
    signal: (run, step, signal) => runs.signal(caller, run, step, signal),
    provideSecrets: (run, secrets) => runs.provideSecrets(caller, run, secrets),
    caCopies: () => caCopies.list(),
    keepCa: (cluster) => caCopies.keep(cluster, AbortSignal.timeout(30_000)),
    close: () => workspace.close(),
  };
}

/** Nobody looks at the fleet here: attaching to the cluster would cost each command an SSH login. */
const idleFleet: Fleet = {
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  snapshot: () => ({ Revision: 0, Now: Date.now(), Kinds: {}, Events: [] }),
  onDelta: () => () => undefined,
  runCommand: () => Promise.reject(new AppError('refused', 'commands to nodes need a running console')),
  vm: () => null,
  openStream: () => Promise.reject(new AppError('refused', 'streams of nodes need a running console')),
  suggest: () => Promise.resolve([]),
  reload: () => Promise.resolve(),
};
