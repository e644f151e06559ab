// Plans for tests: what a test does not say is unremarkable.
import type { Plan, RunView, Step, StepView } from '../../contract/plans.ts';

export function testStep(verb: string, node: string, parts: Partial<Step> = {}): Step {
  return {
    key: node === '' ? verb : `${verb} ${node}`,
    node,
    needs: [],
    title: verb,
    why: '',
    preview: [],
    isDone: false,
    do: { action: verb, args: {} },
    undo: { action: `undo ${verb}`, args: {} },
    deadlineMs: 10_000,
    ask: null,
    ...parts,
  };
}

export function testPlan(steps: readonly Step[], parts: Partial<Plan> = {}): Plan {
  return {
    id: 'p1',
    kind: 'add-nodes',
    title: 'Add nodes',
    createdAt: 0,
    steps: [...steps],
    waves: [],
    onFailure: 'skip-node',
    command: 'meshdeck nodes add',
    secrets: [],
    warnings: [],
    ...parts,
  };
}

export function testView(key: string, state: StepView['state'], parts: Partial<StepView> = {}): StepView {
  return { key, state, startedAt: null, endedAt: null, error: '', result: {}, ...parts };
}

export function testRun(plan: Plan, steps: readonly StepView[], parts: Partial<RunView> = {}): RunView {
  return {
    id: 'r1',
    kind: plan.kind,
    title: plan.title,
    state: 'running',
    startedBy: 'Ann <ann@example.org>',
    startedAt: 1_000,
    endedAt: null,
    nodes: [...new Set(plan.steps.map(({ node }) => node))].filter((node) => node !== ''),
    counts: { total: plan.steps.length, done: 0, failed: 0 },
    missingSecrets: [],
    plan,
    steps: [...steps],
    begun: [],
    log: [],
    progress: {},
    ...parts,
  };
}
