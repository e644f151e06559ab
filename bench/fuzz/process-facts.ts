// What a fuzzed process holds, and whether it complains. Reads /proc.
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb } from '../facts.ts';
import type { Report } from '../report.ts';

/** The least of a few looks at resident memory, MB: what is between two garbage collections does not count. */
export async function settledMb(pid: number): Promise<number> {
  const looks: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    looks.push(await residentMb(pid));
    await sleep(1_000);
  }
  return Math.min(...looks);
}

/** Open descriptors of a process; 0 when it is gone. */
export async function descriptorsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

/** Waits until `isSo`, at most `timeoutMs`; false when it did not come. */
export async function comes(isSo: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > end) return false;
    await sleep(100);
  }
  return true;
}

/** Faults of the product in the order found; the first few are printed as they come, all of them count. */
export class Faults {
  count = 0;
  private readonly report: Report;

  constructor(report: Report) {
    this.report = report;
  }

  add(text: string): void {
    this.count += 1;
    if (this.count <= 20) this.report.note(`FAULT: ${text.slice(0, 1_000)}`);
  }
}
