// What a run remembers beside its steps, as the journal keeps it.
import { z } from 'zod';
import { PlanKind } from '../../contract/plans.ts';
import type { Plan } from '../../contract/plans.ts';

/** What lists show of a plan, so that they need not read it. */
const PlanDigest = z.object({
  kind: PlanKind,
  title: z.string(),
  /** In the order of their steps, without the console. */
  nodes: z.array(z.string()),
  /** Steps. */
  total: z.number(),
});
export type PlanDigest = z.infer<typeof PlanDigest>;

export function digestOf({ kind, title, steps }: Plan): PlanDigest {
  const nodes = [...new Set(steps.map((step) => step.node))].filter((node) => node !== '');
  return { kind, title, nodes, total: steps.length };
}

export const RunMemo = z.object({
  digest: PlanDigest,
  /** Answers by step key. */
  answers: z.record(z.string(), z.boolean()).default({}),
  /** Steps that began once and did not end well, or were cut off by a crash: what they find right may be their own work. */
  begun: z.array(z.string()).default([]),
  /** Retries by step key. */
  retries: z.record(z.string(), z.number()).default({}),
  isUndoing: z.boolean().default(false),
  isCancelled: z.boolean().default(false),
  /** Of a run that is over, so that a list needs no steps. */
  counts: z.object({ total: z.number(), done: z.number(), failed: z.number() }).nullable().default(null),
});
export type RunMemo = z.infer<typeof RunMemo>;
