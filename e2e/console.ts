// The console as its users start it: the program that `npm start` runs, as a separate process over a data folder in a
// temporary place. Not through npm, which does not pass on the signal that ends it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../contract/errors.ts';
import { startChild, type Child } from '../host/child.ts';

const root = new URL('..', import.meta.url).pathname;
const Package = z.object({ scripts: z.object({ start: z.string().startsWith('node ') }) });
const startDeadlineMs = 60_000;

export interface TestConsole {
  readonly url: string;
  /** One-time link that it printed. */
  readonly setupLink: string;
  readonly child: Child;
  /** Ends the process; the data folder stays. */
  stop(): Promise<void>;
}

export async function makeDataFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'meshdeck-e2e-'));
  // A folder below that one: the console makes it, with the modes that it wants.
  return { path: join(folder, 'data'), remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Resolves when it printed how to get in. @throws AppError `failed` with what it said instead */
export async function startConsole(dataPath: string, more: readonly string[] = []): Promise<TestConsole> {
  const lines: string[] = [];
  const printed = Promise.withResolvers<{ url: string; setupLink: string }>();
  const { scripts } = Package.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
  const argv = [
    process.execPath,
    ...scripts.start.split(' ').slice(1),
    '--data',
    dataPath,
    '--listen',
    '127.0.0.1:0',
    ...more,
  ];
  const child = await startChild(argv, {
    cwd: root,
    diesWithParent: true,
    onLine: (line) => {
      lines.push(line);
      const url = /^Meshdeck console: (\S+)/.exec(
        lines.find((each) => each.startsWith('Meshdeck console:')) ?? '',
      )?.[1];
      const setupLink = /^\s+(\S+\/setup\?token=\S+)/.exec(line)?.[1];
      if (url !== undefined && setupLink !== undefined) printed.resolve({ url, setupLink });
    },
  });
  const fail = (why: string) => {
    printed.reject(new AppError('failed', `npm start: ${why}\n${lines.join('\n')}`));
  };
  const timer = setTimeout(() => {
    fail(`no link within ${startDeadlineMs} ms`);
  }, startDeadlineMs);
  void child.ended.then(() => {
    fail('it ended');
  });
  try {
    const { url, setupLink } = await printed.promise;
    const stop = async () => {
      await child.stop(10_000);
    };
    return { url, setupLink, child, stop };
  } catch (error) {
    await child.stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
