// What a look at a machine found, out of a step's result. The result came from a node by way of the journal: it is parsed.
import { z } from 'zod';

const Findings = z.object({
  findings: z.array(
    z.object({ id: z.string(), level: z.enum(['ok', 'warn', 'fail']), text: z.string(), mend: z.string() }),
  ),
});
export type Finding = z.infer<typeof Findings>['findings'][number];

/** What mends it is a command to copy, and not advice. */
export function isCommand(mend: string): boolean {
  return /^(apt-get|systemctl|modprobe) [^;,]*$/.test(mend);
}

const order = { fail: 0, warn: 1, ok: 2 } as const;

/** Worst first; empty when the step looked at nothing. */
export function findingsOf(result: Readonly<Record<string, unknown>>): Finding[] {
  const parsed = Findings.safeParse(result);
  return parsed.success ? parsed.data.findings.toSorted((a, b) => order[a.level] - order[b.level]) : [];
}

/** `2 to mend, 1 to know`; empty when all is well or nothing was looked at. */
export function describeFindings(findings: readonly Finding[]): string {
  const fails = findings.filter(({ level }) => level === 'fail').length;
  const warns = findings.filter(({ level }) => level === 'warn').length;
  return [fails > 0 ? `${fails} to mend` : '', warns > 0 ? `${warns} to know` : ''].filter(Boolean).join(', ');
}
