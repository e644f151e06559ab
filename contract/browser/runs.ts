// Plans and the runs that carry them out.
import { z } from 'zod';
import { maxSecretLength } from '../limits.ts';
import { defineMethod, Nothing } from '../method.ts';
import { Plan, PlanKind, RunEvent, RunSummary, RunView, StepSignal } from '../plans.ts';

/** By the names that Plan.secrets gives, and `passphrase:root@node1` beside a key. In memory only. */
const Secrets = z.record(z.string(), z.string().max(maxSecretLength));

export const runMethods = {
  /**
   * Observes nodes for a wizard and makes its plan; the form is the wizard's own and parsed by its planner. Like all that acts
   * on a run, it needs the role of the plan's kind too (core/plans/kinds.ts).
   */
  'plans.make': defineMethod({
    name: 'plans.make',
    summary: 'Looks at nodes and makes the plan of a wizard; nothing is changed yet.',
    role: 'operator',
    changes: false,
    input: z.object({
      kind: PlanKind,
      form: z.record(z.string(), z.unknown()),
      secrets: Secrets,
    }),
    output: Plan,
    example: { kind: 'deploy', form: {}, secrets: {} },
  }),
  'runs.start': defineMethod({
    name: 'runs.start',
    summary: 'Carries a plan out.',
    role: 'operator',
    changes: true,
    input: z.object({ plan: z.string(), secrets: Secrets }),
    output: RunSummary,
    example: { plan: 'p1', secrets: {} },
  }),
  'runs.list': defineMethod({
    name: 'runs.list',
    summary: 'The runs, newest first.',
    role: 'viewer',
    changes: false,
    /** `node`: only runs with steps on it. */
    input: z.object({ limit: z.number().int().min(1).max(500), node: z.string().max(253).optional() }),
    output: z.array(RunSummary),
    example: { limit: 50, node: 'node1' },
  }),
  'runs.subscribe': defineMethod({
    name: 'runs.subscribe',
    summary: 'One run with its steps; run.event events follow on a connection.',
    role: 'viewer',
    changes: false,
    input: z.object({ run: z.string() }),
    output: RunView,
    example: { run: 'r1' },
  }),
  'runs.unsubscribe': defineMethod({
    name: 'runs.unsubscribe',
    summary: 'Ends the run.event events of this connection.',
    role: 'viewer',
    changes: false,
    input: z.object({ run: z.string() }),
    output: Nothing,
    example: { run: 'r1' },
  }),
  'runs.cancel': defineMethod({
    name: 'runs.cancel',
    summary: 'Cancels a run: what is in progress ends first.',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string() }),
    output: RunSummary,
    example: { run: 'r1' },
  }),
  'runs.retry': defineMethod({
    name: 'runs.retry',
    summary: 'Does the failed steps of a run again.',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), secrets: Secrets }),
    output: RunSummary,
    example: { run: 'r1', secrets: {} },
  }),
  'runs.undo': defineMethod({
    name: 'runs.undo',
    summary: 'Undoes what a run has done.',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string() }),
    output: RunSummary,
    example: { run: 'r1' },
  }),
  'runs.answer': defineMethod({
    name: 'runs.answer',
    summary: 'Answers a question that a step asks.',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), step: z.string(), answer: z.boolean() }),
    output: RunSummary,
    example: { run: 'r1', step: 's', answer: true },
  }),
  /** Tells a running step what a person wants it to do: keep the change, undo it now, or give it more time. */
  'runs.signal': defineMethod({
    name: 'runs.signal',
    summary: 'Tells a running step to keep its change, to undo it now, or to wait longer.',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), step: z.string(), signal: StepSignal }),
    output: RunSummary,
    example: { run: 'r1', step: 's', signal: 'keep' },
  }),
  'runs.provideSecrets': defineMethod({
    name: 'runs.provideSecrets',
    summary: 'Gives a run the passwords that it lost when the console restarted.',
    role: 'operator',
    changes: true,
    input: z.object({ run: z.string(), secrets: Secrets }),
    output: RunSummary,
    example: { run: 'r1', secrets: {} },
  }),
} as const;

export const runEvents = {
  'run.event': RunEvent,
  'runs.changed': RunSummary,
} as const;
