// What a look at a machine found, for people.
import type { Finding } from '../../contract/known-nodes.ts';

/** Whether the fix is a command to copy, not advice. */
export function isCommand(mend: string): boolean {
  return /^(apt-get|systemctl|modprobe) [^;,]*$/.test(mend);
}

const order = { fail: 0, warn: 1, ok: 2 } as const;

export function worstFirst(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => order[a.level] - order[b.level]);
}

/** `2 to fix, 1 to know`; empty when all is well or nothing was looked at. */
export function describeFindings(findings: readonly Finding[]): string {
  const fails = findings.filter(({ level }) => level === 'fail').length;
  const warns = findings.filter(({ level }) => level === 'warn').length;
  return [fails > 0 ? `${fails} to fix` : '', warns > 0 ? `${warns} to know` : ''].filter(Boolean).join(', ');
}
