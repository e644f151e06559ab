// Plans and runs. A wizard observes, makes a plan, and the server runs it; preview, run, retry and undo read the same
// JSON. A plan is data: the code that renders or runs it knows nothing about the wizard that made it.
import { z } from 'zod';

/** The name of a kind of plan, such as `add-nodes`: core/plans/kinds.ts lists them. A journal may have one of another version. */
export const PlanKind = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'the name of a kind of plan, such as add-nodes');
export type PlanKind = z.infer<typeof PlanKind>;

/** What one step does: the name of an action and its arguments, without secrets. core/plans/actions.ts has the types. */
export const StepCall = z.object({ action: z.string(), args: z.record(z.string(), z.unknown()) });
export type StepCall = z.infer<typeof StepCall>;

export const Step = z.object({
  /** Unique in the plan: `ensureKey node3`. Named for the end state. */
  key: z.string(),
  /** Node that it concerns, by name as typed or known; empty for the console itself. */
  node: z.string(),
  /** Keys of steps that must be done first. */
  needs: z.array(z.string()),
  title: z.string(),
  /** One sentence for people. */
  why: z.string(),
  /** What will be run or written, for the preview: commands as typed, files as unified diffs. */
  preview: z.array(z.object({ kind: z.enum(['command', 'diff', 'note']), text: z.string() })),
  /** What is already as it should be: the step will find nothing to do. */
  isDone: z.boolean(),
  do: StepCall,
  /** Null: cannot be undone, and the preview says so. */
  undo: StepCall.nullable(),
  deadlineMs: z.number().int().positive(),
  /** Asked before the step is done; null for none. */
  ask: z.object({ question: z.string(), default: z.boolean(), deadlineMs: z.number().int() }).nullable(),
});
export type Step = z.infer<typeof Step>;

export const Plan = z.object({
  id: z.string(),
  kind: PlanKind,
  /** `Add node[1-4] to john`. */
  title: z.string(),
  createdAt: z.number(),
  steps: z.array(Step).max(20_000),
  /** Nodes in the order of their waves; each wave waits for the one before it. One wave: all at once. */
  waves: z.array(z.array(z.string())),
  onFailure: z.enum(['skip-node', 'stop']),
  /** The same as a shell command: `meshdeck nodes add node[1-4] --user root`. */
  command: z.string(),
  /** Secrets that the run needs in memory, by name: `password:root@node1`. Never stored. */
  secrets: z.array(z.object({ name: z.string(), label: z.string(), node: z.string() })),
  /** What a reader must know before it runs, worst first. */
  warnings: z.array(z.string()),
});
export type Plan = z.infer<typeof Plan>;

export const StepState = z.enum([
  'waiting',
  'asking',
  'running',
  'done',
  'unchanged',
  'failed',
  'skipped',
  'cancelled',
  'undoing',
  'undone',
  'undo-failed',
]);
export type StepState = z.infer<typeof StepState>;

export const StepView = z.object({
  key: z.string(),
  state: StepState,
  startedAt: z.number().nullable(),
  endedAt: z.number().nullable(),
  /** Why it failed and what to do; empty otherwise. */
  error: z.string(),
  /** What it found or made, for later steps and for people. */
  result: z.record(z.string(), z.unknown()),
});
export type StepView = z.infer<typeof StepView>;

export const RunState = z.enum(['running', 'asking', 'needs-secret', 'done', 'failed', 'cancelled', 'undone']);
export type RunState = z.infer<typeof RunState>;

export const RunSummary = z.object({
  id: z.string(),
  kind: PlanKind,
  title: z.string(),
  state: RunState,
  startedBy: z.string(),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  nodes: z.array(z.string()),
  counts: z.object({ total: z.number(), done: z.number(), failed: z.number() }),
  /** Names of secrets it waits for. */
  missingSecrets: z.array(z.string()),
});
export type RunSummary = z.infer<typeof RunSummary>;

export const LogLine = z.object({ at: z.number(), step: z.string(), node: z.string(), text: z.string() });
export type LogLine = z.infer<typeof LogLine>;

/** What a running step shows about itself, by its key: its own shape, never journaled. The latest one counts. */
export const StepProgress = z.record(z.string(), z.unknown());
export type StepProgress = z.infer<typeof StepProgress>;

/** What a person tells a running step that waits for somebody, in a word that the step knows: `keep`. */
export const StepSignal = z.string().regex(/^[a-z]{1,32}$/, 'a word that the step knows, such as keep');

export const RunView = RunSummary.extend({
  plan: Plan,
  steps: z.array(StepView),
  /** Keys of steps that began and did not end well: undo also reverts what they changed. */
  begun: z.array(z.string()).default([]),
  log: z.array(LogLine),
  /** By step key; only of running steps. */
  progress: z.record(z.string(), StepProgress),
});
export type RunView = z.infer<typeof RunView>;

/** What a subscriber of one run receives after its RunView. */
export const RunEvent = z.discriminatedUnion('event', [
  z.object({ event: z.literal('step'), run: z.string(), step: StepView, isBegun: z.boolean().default(false) }),
  z.object({ event: z.literal('progress'), run: z.string(), step: z.string(), progress: StepProgress.nullable() }),
  z.object({ event: z.literal('log'), run: z.string(), lines: z.array(LogLine) }),
  z.object({ event: z.literal('run'), run: z.string(), summary: RunSummary }),
]);
export type RunEvent = z.infer<typeof RunEvent>;
