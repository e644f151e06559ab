// A lock file that its holder's death releases: it names the holder as a process that a recycled pid cannot pose as.
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../contract/errors.ts';
import { isAlive, readProcessIdentity } from '../host/detached.ts';

export const processIdentitySchema = z.object({ pid: z.number(), startTicks: z.string(), bootId: z.string() });

async function isStale(path: string): Promise<boolean> {
  try {
    const parsed = processIdentitySchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
    return parsed.success && !isAlive(parsed.data);
  } catch {
    // Half a file: its writer is still writing, or died just now; its age shows which.
    const ageMs = await stat(path).then(
      (file) => Date.now() - file.mtimeMs,
      () => 0,
    );
    return ageMs > 5_000;
  }
}

/**
 * Runs `work` while holding the lock file.
 * @throws AppError `conflict` when another process holds it for `waitMs` (0: fails at once)
 */
export async function withLock<T>(
  path: string,
  options: { waitMs: number; what: string },
  work: () => Promise<T>,
): Promise<T> {
  const endAt = performance.now() + options.waitMs;
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify(readProcessIdentity(process.pid)));
      await file.close();
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      if (await isStale(path)) {
        await rm(path, { force: true });
        continue;
      }
      if (performance.now() > endAt) {
        throw new AppError('conflict', `another process works on ${options.what} (lock ${path})`);
      }
      await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
