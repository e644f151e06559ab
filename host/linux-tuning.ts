// HostTuning of this Linux host: sysfs, and taskset of util-linux, since Node sets no affinity.
import { readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { AppError, describeError } from '../contract/errors.ts';
import { describeRanges } from './cpu-list.ts';
import type { Runner } from './runner.ts';
import type { HostTuning } from './tuning.ts';

/** statfs(2), HUGETLBFS_MAGIC. */
const hugetlbfs = 0x958458f6;
const pinMs = 10_000;

export function createLinuxTuning({
  runner,
  ksmFolder = '/sys/kernel/mm/ksm',
}: {
  readonly runner: Runner;
  readonly ksmFolder?: string;
}): HostTuning {
  const read = async (name: string) => Number(await readFile(join(ksmFolder, name), 'utf8'));
  return {
    cpus: availableParallelism(),
    async readKsm() {
      if (!(await stat(ksmFolder).catch(() => null))) return null;
      const [run = 0, pagesToScan = 0, sleepMs = 0] = await Promise.all(
        ['run', 'pages_to_scan', 'sleep_millisecs'].map(read),
      );
      return { run, pagesToScan, sleepMs };
    },
    async writeKsm({ run, pagesToScan, sleepMs }) {
      try {
        for (const [name, value] of [
          ['pages_to_scan', pagesToScan],
          ['sleep_millisecs', sleepMs],
          ['run', run],
        ] as const)
          await writeFile(join(ksmFolder, name), String(value));
      } catch (cause) {
        throw new AppError('failed', `${ksmFolder} cannot be written: ${describeError(cause)}`, { cause });
      }
    },
    async hasHugepages(path) {
      const found = await statfs(path).catch(() => null);
      return found?.type === hugetlbfs;
    },
    async pin(pid, cpus) {
      try {
        await runner.run(['taskset', '-a', '-p', '-c', describeRanges(cpus), String(pid)], { timeoutMs: pinMs });
      } catch (error) {
        if (await stat(`/proc/${pid}`).catch(() => null)) throw error;
      }
    },
  };
}
