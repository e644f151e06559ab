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

/** Processor time that a process has used, ms (proc(5), utime and stime in ticks of 10 ms); 0 when it is gone. */
export async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name in parentheses may hold anything, spaces too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
}

/** First line of what a program prints, or why it printed nothing. */
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
