// Puts the runs together: planners and executor over SSH (server/ssh) around the run core.
import { randomUUID } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { loadCredentials } from '../../host/ssh/credentials.ts';
import type { SshCredentials } from '../../host/ssh/credentials.ts';
import { fetchEvidence } from './bridge/evidence.ts';
import { showBridges as showAll } from './bridge/planners.ts';
import { SshExecutor } from './executor.ts';
import { loginAnyhow } from '../ssh/login.ts';
import { localIdentity } from '../ssh/observe.ts';
import { createPlanners } from './nodes/planners.ts';
import type { Runs, RunsComponents, RunsOptions } from '../ports.ts';
import { RunCore } from '../runs/run-core.ts';
import type { RunCoreComponents } from '../runs/run-core.ts';

/** agent/main.ts beside us: deploy finds the built program tree by it. */
const programPath = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));

/** Which credentials of the user who runs this process a first login may use. */
export function ownCredentials(usesOwnKeys: boolean): Promise<SshCredentials> {
  if (!usesOwnKeys) return Promise.resolve({ keys: [], unusable: [] });
  return loadCredentials(homedir(), { agentSocket: process.env['SSH_AUTH_SOCK'] });
}

/**
 * `resumesAtStart` false leaves unfinished runs alone until `resume` is called: a CLI that only wants to look must not act.
 */
export function createRunCore(
  { log, usesOwnKeys, resumesAtStart }: RunsOptions & { readonly resumesAtStart: boolean },
  { store, fleet }: Pick<RunsComponents, 'store'> & { readonly fleet: Pick<RunsComponents['fleet'], 'reload'> },
): RunCore {
  const now = () => Date.now();
  const host = hostname().split('.')[0] ?? 'console';
  const executor = new SshExecutor({
    hosts: store.hosts,
    keys: store.keys,
    own: () => ownCredentials(usesOwnKeys),
    log,
    local: localIdentity(),
    login: loginAnyhow,
    isOver: async (run) => ((await store.runs.get(run))?.endedAt ?? null) !== null,
    parts: { store, fleet, programPath, now, createId: randomUUID, host },
  });
  const planners = createPlanners({ store, programPath, host });
  const showBridges = (nodes: string, signal: AbortSignal) => showAll(nodes, store, signal);
  const evidence: RunCoreComponents['evidence'] = (what, signal) => fetchEvidence(what, store, signal);
  return new RunCore({
    store: store.runs,
    executor,
    planners,
    showBridges,
    evidence,
    log,
    now,
    resumesAtStart,
  });
}

export function createRuns(options: RunsOptions, components: RunsComponents): Runs {
  return createRunCore({ ...options, resumesAtStart: true }, components);
}
