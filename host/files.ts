// State files that survive a crash at any moment: the old content or the new, never half of one.
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes `content` to `path` as write-to-temp, fsync, rename, fsync of the directory. `mode` is the file's (0o600 unless
 * given); a missing directory is made with 0o700.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Buffer,
  options: { mode?: number } = {},
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${process.hrtime.bigint().toString(36)}`);
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** What `writeFileAtomic` calls a file that is not whole yet: with the pid of who writes it. */
const temporaryName = /^\..+\.(\d+)\.[0-9a-z]+$/;

/**
 * Removes what a writer left here that was killed. Call it before this process writes: what has its pid is then of a process
 * before it. A file of a process that lives stays, and so does all else.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  // A folder that is not there has none.
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(temporaryName.exec(name)?.[1]);
    if (Number.isNaN(pid) || (pid !== process.pid && existsSync(`/proc/${pid}`))) continue;
    await rm(join(folder, name), { force: true });
  }
}

/** A rename is on the disk once the folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
