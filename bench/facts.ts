// Plain facts printed with every run: the machine, versions, sizes, memory. Reads /proc and asks programs once.
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { localRunner } from '../host/runner.ts';
import type { Report } from './report.ts';
import { describeNumber } from './report.ts';

/** Resident memory of a process in MB (proc(5), VmRSS); 0 when it is gone. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}

/** First line of what a program prints, or why there is none. */
async function firstLineOf(argv: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await localRunner.run(argv, { timeoutMs: 10_000 });
    return (stdout.trim() || stderr.trim()).split('\n')[0] ?? '';
  } catch {
    return 'not installed';
  }
}

export async function reportMachine(report: Report): Promise<void> {
  const load = loadavg().map(describeNumber).join(' ');
  report.fact('machine', `${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown'}), load ${load}`);
  report.fact('memory', `${describeNumber(totalmem() / 1024 ** 3)} GiB`);
  const [kernel, ssh, pdsh, clush, serf] = await Promise.all(
    [
      ['uname', '-sr'],
      ['ssh', '-V'],
      ['pdsh', '-V'],
      ['clush', '--version'],
      ['dpkg-query', '-W', 'serf'],
    ].map(firstLineOf),
  );
  report.fact('versions', `node ${process.versions.node}; ${[kernel, ssh, pdsh, clush, serf].join('; ')}`);
}
