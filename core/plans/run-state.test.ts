import { describe, expect, it } from 'vitest';
import type { StepState } from '../../contract/plans.ts';
import { countSteps, judgeRun, type RunFacts } from './run-state.ts';

const atWork: RunFacts = { isOver: false, lacksSecret: false, isCancelled: false, isUndoing: false };
const over: RunFacts = { ...atWork, isOver: true };

describe('a run', () => {
  it.each([
    [['done', 'running', 'asking'], atWork, 'running', 1, 0],
    [['done', 'undoing'], { ...atWork, isUndoing: true }, 'running', 1, 0],
    [['unchanged', 'asking'], { ...atWork, lacksSecret: true }, 'asking', 1, 0],
    [['waiting', 'failed'], { ...atWork, lacksSecret: true }, 'needs-secret', 0, 1],
    [['waiting'], atWork, 'running', 0, 0],
    [['done', 'unchanged', 'skipped'], over, 'done', 2, 0],
    [['done', 'failed'], over, 'failed', 1, 1],
    [['done', 'failed'], { ...over, isCancelled: true }, 'cancelled', 1, 1],
    [['undone', 'undone', 'unchanged'], { ...over, isUndoing: true }, 'undone', 1, 0],
    // It failed before it changed anything: the undo had nothing to do there.
    [['undone', 'failed'], { ...over, isUndoing: true }, 'undone', 0, 1],
    [['undone', 'undo-failed'], { ...over, isUndoing: true }, 'failed', 0, 1],
  ] as [StepState[], RunFacts, string, number, number][])(
    'of %j with %j is %s, %d done, %d failed',
    (states, facts, state, done, failed) => {
      expect(judgeRun(states, facts)).toEqual({ state, counts: { total: states.length, done, failed } });
    },
  );
});

it('counts each step once', () => {
  const states: StepState[] = ['waiting', 'asking', 'running', 'undoing', 'done', 'unchanged', 'failed', 'undo-failed'];
  const { total, ...counts } = countSteps([...states, 'skipped', 'cancelled', 'undone']);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(total);
  expect(total).toBe(11);
});
