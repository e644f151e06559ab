// Mounts below a lab's folder: overlays of the nodes and the names of network namespaces.
import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, localRunner } from '../host/runner.ts';

/** Mount points at or below a folder, deepest and latest first, from /proc/self/mountinfo. */
export function parseMountsBelow(mountInfo: string, folder: string): string[] {
  return mountInfo
    .split('\n')
    .flatMap((line) => {
      // Field 5, with blanks as octal escapes (proc(5)).
      const escaped = line.split(' ')[4];
      if (escaped === undefined) return [];
      const path = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
      return path === folder || path.startsWith(`${folder}/`) ? [path] : [];
    })
    .reverse();
}

export async function mountsBelow(folder: string): Promise<string[]> {
  return parseMountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), folder);
}

/** Unmounts all below a folder. A mount stays busy for a moment after its last process ends; this waits for it. */
export async function unmountBelow(folder: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const paths = await mountsBelow(folder);
    if (paths.length === 0) return;
    for (const path of paths) {
      try {
        await localRunner.run(['umount', '--', path]);
      } catch (error) {
        if (!(error instanceof CommandError) || attempt >= 50) throw error;
      }
    }
    await sleep(attempt === 0 ? 0 : 100);
  }
}

/** Removes a folder. A program that was killed may have left mounts below it, and what they show must not be deleted. */
export async function removeWithMounts(folder: string): Promise<void> {
  await unmountBelow(folder);
  await rm(folder, { recursive: true, force: true });
}

/** Makes a new network namespace that has no process yet, and gives it a file as its name. */
export async function makeNamespace(file: string): Promise<void> {
  await unmountBelow(file);
  await (await open(file, 'a')).close();
  await localRunner.run(['unshare', `--net=${file}`, 'true']);
}
