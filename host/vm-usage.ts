// What a process takes of this machine, and what passes its taps. Reads /proc and /sys only, so it costs no process.
import { readFile } from 'node:fs/promises';

/** Counted since the process, and each tap, began. */
export interface VmUsage {
  /** Processor time, ms. */
  readonly cpuMs: number;
  /** Of it, what processors of the guest ran on KVM, ms. */
  readonly guestMs: number;
  /** MiB that are in memory now. */
  readonly memoryMb: number;
  /** MiB of its address space, and of what is in memory the part that files are behind. */
  readonly virtualMb: number;
  readonly sharedMb: number;
  /** Bytes to and from the guest. */
  readonly rxBytes: number;
  readonly txBytes: number;
}

/** Ticks of /proc/<pid>/stat: USER_HZ, which is 100 on every Linux that people run. */
const tickMs = 10;

/** User and system time of proc_pid_stat(5), ms. The name of the process is in brackets, and may hold spaces and brackets. */
export function parseCpuMs(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * tickMs;
}

/** Time of the guest, proc_pid_stat(5), ms. */
export function parseGuestMs(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[40] ?? 0) * tickMs;
}

/** MiB of some rows of proc_pid_status(5) together. */
export function parseMb(status: string, rows: readonly string[]): number {
  const kb = rows.map((row) => Number(new RegExp(`^${row}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0));
  return Math.round(kb.reduce((sum, each) => sum + each, 0) / 1024);
}

/** MiB of proc_pid_status(5): in kB there, whatever the size of a page. */
export function parseResidentMb(status: string): number {
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
}

/** Null when there is no such process; a tap that is away counts as silent. */
export async function observeVm({ pid, taps }: { pid: number; taps: readonly string[] }): Promise<VmUsage | null> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    const counts = await Promise.all(
      taps.map((tap) => Promise.all([counter(tap, 'tx_bytes'), counter(tap, 'rx_bytes')])),
    );
    const sum = (at: 0 | 1) => counts.reduce((total, pair) => total + pair[at], 0);
    // What a tap sends, the guest receives.
    return {
      cpuMs: parseCpuMs(stat),
      guestMs: parseGuestMs(stat),
      memoryMb: parseResidentMb(status),
      virtualMb: parseMb(status, ['VmSize']),
      sharedMb: parseMb(status, ['RssFile', 'RssShmem']),
      rxBytes: sum(0),
      txBytes: sum(1),
    };
  } catch {
    return null;
  }
}

async function counter(tap: string, name: string): Promise<number> {
  return Number(await readFile(`/sys/class/net/${tap}/statistics/${name}`, 'utf8').catch(() => '0'));
}
