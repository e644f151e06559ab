// A page of Next with nothing on it, served by its own process beside the console. Built once for each version of Next.
import { createRequire } from 'node:module';
import { startChild } from '../../host/child.ts';
import { within } from '../rounds.ts';

const program = new URL('../peers/empty-next.ts', import.meta.url).pathname;
const { version } = createRequire(import.meta.url)('next/package.json') as { version: string };
const folder = new URL(`../../.cache/bench/empty-next-${version}`, import.meta.url).pathname;
const startTimeoutMs = 240_000;

export interface EmptyPage {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startEmptyPage(): Promise<EmptyPage> {
  const lines: string[] = [];
  const isUp = Promise.withResolvers<string>();
  const child = await startChild([process.execPath, program, folder], {
    diesWithParent: true,
    onLine: (line) => {
      lines.push(line);
      if (line.startsWith('listening ')) isUp.resolve(line.slice('listening '.length));
    },
  });
  void child.ended.then(() => isUp.reject(new Error(`the empty page ended: ${lines.join('; ')}`)));
  try {
    const url = await within(isUp.promise, startTimeoutMs, () => lines.join('; '));
    return { url, stop: () => child.stop(5_000).then(() => undefined) };
  } catch (error) {
    await child.stop();
    throw error;
  }
}
