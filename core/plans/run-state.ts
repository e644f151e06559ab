// What a set of steps comes to: how many are done, the state of the run that they are, and the state of one node's part of it.
// The only place that says so; the journal, lists, the shell and the pages ask here.
import type { RunState, RunSummary, StepState, StepView } from '../../contract/plans.ts';

/** What became of a step: what was right already is as good as done, and an undo is work like any other. */
type Fate = Exclude<StepState, 'unchanged' | 'undoing'>;

const fates: Readonly<Record<StepState, Fate>> = {
  waiting: 'waiting',
  asking: 'asking',
  running: 'running',
  undoing: 'running',
  done: 'done',
  unchanged: 'done',
  failed: 'failed',
  'undo-failed': 'undo-failed',
  skipped: 'skipped',
  cancelled: 'cancelled',
  undone: 'undone',
};

export type StepCounts = Readonly<Record<Fate | 'total', number>>;

export function countSteps(states: Iterable<StepState>): StepCounts {
  const counts = {
    total: 0,
    waiting: 0,
    asking: 0,
    running: 0,
    done: 0,
    failed: 0,
    skipped: 0,
    cancelled: 0,
    undone: 0,
    'undo-failed': 0,
  };
  for (const state of states) {
    counts.total += 1;
    counts[fates[state]] += 1;
  }
  return counts;
}

export interface RunFacts {
  /** Nothing of it runs, starts, asks or waits for a secret. */
  readonly isOver: boolean;
  /** A step waits for a secret. */
  readonly lacksSecret: boolean;
  readonly isCancelled: boolean;
  readonly isUndoing: boolean;
}

/** The run that these steps are, as lists have it. */
export function judgeRun(states: Iterable<StepState>, facts: RunFacts): Pick<RunSummary, 'state' | 'counts'> {
  const counts = countSteps(states);
  return {
    state: facts.isOver ? endOf(counts, facts) : stateAtWork(counts, facts),
    counts: { total: counts.total, done: counts.done, failed: counts.failed + counts['undo-failed'] },
  };
}

function endOf(counts: StepCounts, { isCancelled, isUndoing }: RunFacts): RunState {
  if (isCancelled) return 'cancelled';
  // A step that had failed before the undo, and had changed nothing, is not a failure of the undo.
  if (isUndoing) return counts['undo-failed'] > 0 ? 'failed' : 'undone';
  return counts.failed > 0 ? 'failed' : 'done';
}

function stateAtWork({ running, asking }: StepCounts, { lacksSecret }: RunFacts): RunState {
  if (running > 0) return 'running';
  if (asking > 0) return 'asking';
  return lacksSecret ? 'needs-secret' : 'running';
}

/** Whether a run may still change without anyone acting on it. */
export function isActiveRun(state: RunState): boolean {
  return state === 'running' || state === 'asking' || state === 'needs-secret';
}

export type LaneState = Exclude<Fate, 'undo-failed'>;

/** The state of one node's steps. */
export function judgeLane({ total, ...counts }: StepCounts): LaneState {
  if (counts.asking > 0) return 'asking';
  if (counts.running > 0) return 'running';
  if (counts.failed + counts['undo-failed'] > 0) return 'failed';
  if (counts.cancelled > 0) return 'cancelled';
  if (counts.undone > 0) return 'undone';
  if (counts.done === total) return 'done';
  if (counts.waiting === total) return 'waiting';
  // Between two steps: the next one waits for another node or its turn.
  return counts.waiting > 0 ? 'running' : 'skipped';
}

/** It did what it is for, or found it done. */
export function isStepDone(state: StepState): boolean {
  return fates[state] === 'done';
}

/** It neither is at work nor will be. */
export function isStepOver(state: StepState): boolean {
  return !['waiting', 'asking', 'running'].includes(fates[state]);
}

/** Whether an undo was begun: what is left is undone, and nothing of the run is done again. */
export function isUndoBegun(steps: Iterable<Pick<StepView, 'state'>>): boolean {
  return [...steps].some(({ state }) => state === 'undone' || state === 'undo-failed');
}
