// Which steps of a run come next: a pure function of the plan and the states of its steps, asked again after every change.
//
// RULES
//  1. A step starts when all it needs are done or unchanged, all nodes of earlier waves are over, and fewer than `limit` run.
//  2. A step whose need failed, was skipped or cancelled is skipped; it says which.
//  3. `skip-node`: when a step of a node fails, the node's other waiting steps are skipped. `stop`: all waiting steps are.
//  4. A step that asks starts once it was answered yes. Answered no, it is skipped.
//  5. A step that waits for a secret does not start and holds up no other node, but its wave is not over.
//  6. An undo goes backwards from step to step, and through the waves as the run did: canary first, what everything hangs on
//     last. `stop`: none starts once one has failed.
import type { Plan, Step, StepState } from '../../contract/plans.ts';
import { isStepDone, isStepOver } from './run-state.ts';

export interface ScheduleFacts {
  readonly stateOf: (key: string) => StepState;
  /** Keys of steps that wait for a secret. */
  readonly blocked: ReadonlySet<string>;
  /** Answers by step key. */
  readonly answers: ReadonlyMap<string, boolean>;
  /** Steps at work at once. */
  readonly limit: number;
}

export interface Schedule {
  readonly start: readonly Step[];
  readonly ask: readonly Step[];
  readonly skip: readonly { readonly step: Step; readonly why: string }[];
  /** Nothing is left that runs, starts, asks or waits for a secret. */
  readonly isOver: boolean;
}

export function scheduleSteps(plan: Plan, facts: ScheduleFacts): Schedule {
  const { stateOf, blocked, answers } = facts;
  const skip: { step: Step; why: string }[] = [];
  const failedBy = new Map<string, Step>();
  let firstFailed: Step | null = null;
  let running = 0;
  for (const step of plan.steps) {
    const state = stateOf(step.key);
    if (state === 'running') running += 1;
    if (state === 'failed') {
      firstFailed ??= step;
      if (!failedBy.has(step.node)) failedBy.set(step.node, step);
    }
  }
  const openWave = findOpenWave(
    plan,
    plan.steps.filter((step) => !isStepOver(stateOf(step.key))),
  );
  const waveOf = wavesOf(plan);
  const start: Step[] = [];
  const ask: Step[] = [];
  let pending = 0;
  for (const step of plan.steps) {
    const state = stateOf(step.key);
    if (state !== 'waiting' && state !== 'asking') continue;
    const why = whySkipped(step, plan, { stateOf, firstFailed, failedBy, answers });
    if (why !== null) {
      skip.push({ step, why });
      continue;
    }
    pending += 1;
    if ((waveOf.get(step.node) ?? -1) > openWave) continue;
    if (!step.needs.every((key) => isStepDone(stateOf(key)))) continue;
    if (blocked.has(step.key)) continue;
    if (step.ask !== null && !answers.has(step.key)) {
      if (state === 'waiting') ask.push(step);
      continue;
    }
    if (running + start.length < facts.limit) start.push(step);
  }
  return { start, ask, skip, isOver: pending === 0 && running === 0 && skip.length === 0 };
}

function whySkipped(
  step: Step,
  plan: Plan,
  facts: {
    stateOf: (key: string) => StepState;
    firstFailed: Step | null;
    failedBy: ReadonlyMap<string, Step>;
    answers: ReadonlyMap<string, boolean>;
  },
): string | null {
  const bad = step.needs.find((key) => {
    const state = facts.stateOf(key);
    return isStepOver(state) && !isStepDone(state);
  });
  if (bad !== undefined) return `not done, since "${bad}" is ${facts.stateOf(bad)}`;
  if (facts.answers.get(step.key) === false) return 'declined';
  if (plan.onFailure === 'stop' && facts.firstFailed) return `not done, since "${facts.firstFailed.key}" failed`;
  const failed = step.node === '' ? undefined : facts.failedBy.get(step.node);
  return failed === undefined ? null : `not done, since "${failed.key}" failed`;
}

function wavesOf(plan: Plan): Map<string, number> {
  return new Map(plan.waves.flatMap((nodes, at) => nodes.map((node) => [node, at] as const)));
}

/** Index of the first wave with one of the steps that are left. */
function findOpenWave(plan: Plan, left: readonly Step[]): number {
  const busy = new Set(left.map((step) => step.node));
  const at = plan.waves.findIndex((nodes) => nodes.some((node) => busy.has(node)));
  return at === -1 ? plan.waves.length : at;
}

/** Whether a step may have changed something that was not undone. One whose undo failed is `done` again when it is retried. */
export function hasActed(state: StepState, wasBegun: boolean): boolean {
  return state === 'done' || ((state === 'failed' || state === 'cancelled') && wasBegun);
}

/**
 * Steps to undo now: done or begun, with an undo, and none of those that need them left to be undone. Steps that changed
 * nothing are not undone.
 */
export function scheduleUndo(
  plan: Plan,
  facts: Pick<ScheduleFacts, 'stateOf' | 'limit'> & { readonly wasBegun: (key: string) => boolean },
): { readonly start: readonly Step[]; readonly isOver: boolean } {
  const isLeft = (step: Step) => {
    return step.undo !== null && hasActed(facts.stateOf(step.key), facts.wasBegun(step.key));
  };
  const left = plan.steps.filter(isLeft);
  const undoing = plan.steps.filter((step) => facts.stateOf(step.key) === 'undoing');
  const byKey = new Map(plan.steps.map((step) => [step.key, step]));
  const held = new Set([...left, ...undoing].flatMap((step) => ancestorsOf(step, byKey)));
  const isStopped = plan.onFailure === 'stop' && plan.steps.some((step) => facts.stateOf(step.key) === 'undo-failed');
  const free = isStopped ? [] : left.filter((step) => !held.has(step.key));
  const openWave = findOpenWave(plan, [...free, ...undoing]);
  const waveOf = wavesOf(plan);
  const start = free
    .filter((step) => (waveOf.get(step.node) ?? -1) <= openWave)
    .slice(0, Math.max(0, facts.limit - undoing.length));
  return { start, isOver: undoing.length === 0 && (isStopped || left.length === 0) };
}

/** Keys of all steps that a step needs, directly or not. */
function ancestorsOf(step: Step, byKey: ReadonlyMap<string, Step>): string[] {
  const found = new Set<string>();
  const queue = [...step.needs];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    queue.push(...(byKey.get(key)?.needs ?? []));
  }
  return [...found];
}

/** What is wrong with a plan's shape: duplicate keys, needs that are not steps, circles. Null when it can run. */
export function findPlanIssue(plan: Plan): string | null {
  const index = new Map<string, Step>();
  for (const step of plan.steps) {
    if (index.has(step.key)) return `two steps are called "${step.key}"`;
    // In order: a step needs only those before it, so that there are no circles.
    const unknown = step.needs.find((key) => !index.has(key));
    if (unknown !== undefined) return `"${step.key}" needs "${unknown}", which is not an earlier step`;
    index.set(step.key, step);
  }
  return null;
}
