// The lab's control groups: `meshdeck-lab/<lab>/…` in the hierarchies that track processes and limit nothing. With
// them `down` finds every process of a lab, no matter who started it, and need not trust a pid that was recorded earlier.
import { mkdir, readFile, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../contract/errors.ts';

const topGroup = 'meshdeck-lab';

/** Mount points of cgroup2 and of cgroup 1's `name=systemd`, from /proc/mounts. Others limit, and stay as they are. */
export function parseTrackingMounts(procMounts: string): string[] {
  return procMounts.split('\n').flatMap((line) => {
    const [, mountPoint, type, options] = line.split(' ');
    if (mountPoint === undefined) return [];
    const tracks = type === 'cgroup2' || (type === 'cgroup' && options?.split(',').includes('name=systemd'));
    return tracks ? [mountPoint] : [];
  });
}

async function trackingMounts(): Promise<string[]> {
  return parseTrackingMounts(await readFile('/proc/mounts', 'utf8'));
}

/** Makes the group in each hierarchy. @returns its folders, for in-cgroup.sh */
export async function ensureGroup(lab: string, path: string): Promise<string[]> {
  const folders = (await trackingMounts()).map((mount) => join(mount, topGroup, lab, path));
  if (folders.length === 0) throw new AppError('refused', 'no cgroup hierarchy is mounted that tracks processes');
  for (const folder of folders) await mkdir(folder, { recursive: true });
  return folders;
}

/** Folders of a tree, children before their parents; none when it does not exist. */
async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) return [];
  const children = entries.filter((entry) => entry.isDirectory());
  const below = await Promise.all(children.map((child) => foldersBelow(join(folder, child.name))));
  return [...below.flat(), folder];
}

/** Processes in a group of a lab and in all groups below it. Empty path: the whole lab. */
export async function processesOfGroup(lab: string, path: string): Promise<number[]> {
  const pids = new Set<number>();
  for (const mount of await trackingMounts()) {
    for (const folder of await foldersBelow(join(mount, topGroup, lab, path))) {
      const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
      for (const line of text.split('\n')) if (Number(line) > 0) pids.add(Number(line));
    }
  }
  return [...pids];
}

/**
 * Kills all processes of a group with SIGKILL, until none is left, and removes it.
 * @throws AppError `timeout` with the pids that did not die (in uninterruptible sleep)
 */
export async function killGroup(lab: string, path: string, options: { timeoutMs?: number } = {}): Promise<void> {
  const endAt = performance.now() + (options.timeoutMs ?? 15_000);
  for (;;) {
    const pids = await processesOfGroup(lab, path);
    if (pids.length === 0) break;
    if (performance.now() > endAt) {
      throw new AppError('timeout', `lab ${lab}: processes ${pids.join(' ')} do not die`);
    }
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has already ended.
      }
    }
    await sleep(20);
  }
  for (const mount of await trackingMounts()) {
    const folder = join(mount, topGroup, lab, path);
    for (let attempt = 0; attempt < 50 && (await foldersBelow(folder)).length > 0; attempt++) {
      if (attempt > 0) await sleep(20);
      // EBUSY while the kernel still removes one of its processes.
      for (const each of await foldersBelow(folder)) await rmdir(each).catch(() => undefined);
    }
    // The last lab removes the common group; ENOTEMPTY means that there are others.
    await rmdir(join(mount, topGroup)).catch(() => undefined);
  }
}
