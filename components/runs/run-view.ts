// A run as its page reads it: one lane per node, and what needs a person first. Pure; how
// events change a run is lib/runs.ts.
import { countSteps, isActiveRun, isUndoBegun, judgeLane, type LaneState } from '../../core/plans/run-state.ts';
import { isKeyName, userOf } from '../../core/plans/secret-names.ts';
import { NodeTarget } from '../../core/plans/targets.ts';
import type { LogLine, Plan, RunView, Step, StepState, StepView } from '../../contract/plans.ts';

/** One step as a page draws it: what it will do and how it went. */
export interface LaneStep {
  readonly step: Step;
  readonly view: StepView;
}

/** All steps of one node, in the plan's order. The console's own steps are the lane with the empty name. */
export interface Lane {
  readonly node: string;
  readonly state: LaneState;
  readonly steps: readonly LaneStep[];
  readonly done: number;
  /** The step to look at: what fails, asks or runs, else the last one that ended. */
  readonly current: LaneStep | null;
}

/** A step nobody has told about waits. */
function waitingStep(key: string): StepView {
  return { key, state: 'waiting', startedAt: null, endedAt: null, error: '', result: {} };
}

/** The lanes of a run: the console's first, then nodes in the order of the waves, then those in no wave. */
export function lanesOf(view: Pick<RunView, 'plan' | 'steps'>): Lane[] {
  const views = new Map(view.steps.map((step) => [step.key, step]));
  const lanes = new Map<string, LaneStep[]>([['', []]]);
  for (const node of view.plan.waves.flat()) lanes.set(node, []);
  for (const step of view.plan.steps) {
    const lane = lanes.get(step.node) ?? [];
    lane.push({ step, view: views.get(step.key) ?? waitingStep(step.key) });
    lanes.set(step.node, lane);
  }
  return [...lanes].filter(([, steps]) => steps.length > 0).map(([node, steps]) => laneOf(node, steps));
}

function laneOf(node: string, steps: readonly LaneStep[]): Lane {
  const counts = countSteps(steps.map(({ view }) => view.state));
  const find = (...wanted: StepState[]) => steps.find(({ view }) => wanted.includes(view.state)) ?? null;
  const current =
    find('asking') ??
    find('failed', 'undo-failed') ??
    find('running', 'undoing') ??
    steps.findLast(({ view }) => view.endedAt !== null) ??
    null;
  return {
    node,
    steps,
    current,
    state: judgeLane(counts),
    done: counts.done,
  };
}

/** Lane states in the order that needs a person first. */
export const laneOrder: readonly LaneState[] = [
  'asking',
  'failed',
  'running',
  'waiting',
  'cancelled',
  'skipped',
  'undone',
  'done',
];

export function countLanes(lanes: readonly Lane[]): Readonly<Record<LaneState, number>> {
  const counts = { waiting: 0, running: 0, asking: 0, done: 0, failed: 0, skipped: 0, cancelled: 0, undone: 0 };
  for (const lane of lanes) counts[lane.state] += 1;
  return counts;
}

/** The log under one step; of the whole node when `step` is null. */
export function logOf(log: readonly LogLine[], node: string, step: string | null): LogLine[] {
  return log.filter((line) => line.node === node && (step === null || line.step === step));
}

/** Where the SSH servers of its machines are: one port for all that a wizard was given. */
export function sshPortOf({ steps }: Pick<Plan, 'steps'>): number {
  const targets = steps.map((step) => NodeTarget.safeParse(step.do.args['target']).data);
  return targets.find((target) => target !== undefined)?.port ?? 22;
}

export function isRetryable(run: Pick<RunView, 'state' | 'steps'>): boolean {
  return (run.state === 'failed' || run.state === 'cancelled') && !isUndoBegun(run.steps);
}

/** What can be done with it in a shell: plan again, watch the run, and what its state allows. */
export function runCommands(run: Pick<RunView, 'id' | 'state' | 'plan' | 'steps'>): string[] {
  const act = (verb: string) => `meshdeck runs ${verb} ${run.id}`;
  if (run.state === 'needs-secret')
    return [run.plan.command, act('show'), `${act('resume')} --password-stdin`, act('cancel')];
  if (isActiveRun(run.state)) return [run.plan.command, act('show'), act('cancel')];
  return [
    run.plan.command,
    act('show'),
    ...(isRetryable(run) ? [act('retry')] : []),
    ...(run.state === 'undone' ? [] : [act('undo')]),
  ];
}

/** Secrets of the plan that the run waits for, with their labels; a name the plan does not list labels itself. */
export function missingSecrets(view: {
  readonly missingSecrets: readonly string[];
  readonly plan: Pick<Plan, 'secrets'>;
}): Plan['secrets'] {
  return view.missingSecrets.map((name) => view.plan.secrets.find((secret) => secret.name === name) ?? unplanned(name));
}

/** One that only turned up in the run: sudo asks for a password where the login was by key. */
function unplanned(name: string): Plan['secrets'][number] {
  const node = name.includes('@') ? name.slice(name.indexOf('@') + 1) : '';
  return { name, label: `${isKeyName(name) ? 'Private key' : 'Password'} of ${userOf(name)} on ${node}`, node };
}
