// What a run remembers beside its steps, as the journal keeps it.
import { z } from 'zod';

export const RunMemo = z.object({
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
