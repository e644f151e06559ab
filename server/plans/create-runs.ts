// Puts the runs together: kinds of plans and executor over SSH (server/ssh) around the run core.
import { randomUUID } from 'node:crypto';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { loadCredentials } from '../../host/ssh/credentials.ts';
import type { SshCredentials } from '../../host/ssh/credentials.ts';
import type { RunKind } from '../runs/kind.ts';
import { clusterCommands } from './commands/cluster-commands.ts';
import { SshExecutor } from './executor.ts';
import { servedKinds } from './kinds.ts';
import type { PlannerParts, ServedKind } from './plan-kind.ts';
import { loginAnyhow } from '../ssh/login.ts';
import { localIdentity } from '../ssh/observe.ts';
import type { Runs, RunsComponents, RunsOptions } from '../ports.ts';
import { RunCore } from '../runs/run-core.ts';

/** agent/main.ts beside us: deploy finds the built program tree by it. */
const programPath = join(import.meta.dirname, '../../agent/main.ts');

/** Which credentials of the user who runs this process a first login may use. */
export function ownCredentials(usesOwnKeys: boolean): Promise<SshCredentials> {
  if (!usesOwnKeys) return Promise.resolve({ keys: [], unusable: [] });
  return loadCredentials(homedir(), { agentSocket: process.env['SSH_AUTH_SOCK'] });
}

interface CoreComponents extends Pick<RunsComponents, 'store'> {
  readonly fleet: RunsComponents['fleet'];
  /** All of the console's, but for tests. */
  readonly kinds?: readonly ServedKind[];
}

/**
 * `resumesAtStart` false leaves unfinished runs alone until `resume` is called: a CLI that only wants to look must not act.
 */
export function createRunCore(
  { log, usesOwnKeys, resumesAtStart }: RunsOptions & { readonly resumesAtStart: boolean },
  { store, fleet, kinds = servedKinds }: CoreComponents,
): RunCore {
  const now = () => Date.now();
  const host = hostname().split('.')[0] ?? 'console';
  const commands = clusterCommands(fleet);
  const parts: PlannerParts = { store, fleet, commands, programPath, host };
  const executor = new SshExecutor({
    hosts: store.hosts,
    keys: store.keys,
    own: () => ownCredentials(usesOwnKeys),
    log,
    local: localIdentity(),
    login: loginAnyhow,
    isOver: async (run) => ((await store.runs.get(run))?.endedAt ?? null) !== null,
    parts: { store, programPath, host, fleet, commands, now, createId: randomUUID },
    kinds,
  });
  return new RunCore({
    store: store.runs,
    executor,
    kinds: kinds.map((kind) => runKindOf(kind, parts)),
    log,
    now,
    resumesAtStart,
  });
}

function runKindOf({ facts, plan, ageProgress, evidence }: ServedKind, parts: PlannerParts): RunKind {
  return {
    facts,
    plan: (request) => plan(request, parts),
    ...(ageProgress ? { ageProgress } : {}),
    ...(evidence ? { evidence: (what, signal) => evidence(what, parts, signal) } : {}),
  };
}

export function createRuns(options: RunsOptions, components: RunsComponents): Runs {
  return createRunCore({ ...options, resumesAtStart: true }, components);
}
