// What a step found that looked at a machine. Its result came from a node by way of the journal: it is parsed.
import { z } from 'zod';
import { Finding } from '../../contract/known-nodes.ts';
import { worstFirst } from './findings.ts';

const Result = z.object({ findings: z.array(Finding) });

/** Worst first; empty when the step looked at nothing. */
export function findingsOf(result: Readonly<Record<string, unknown>>): Finding[] {
  return worstFirst(Result.safeParse(result).data?.findings ?? []);
}
