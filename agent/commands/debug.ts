// `debug`: what this meshd itself is doing, for people who look for a fault in it. Files get numbers and names of functions, never what the memory
// holds: the key of this node is in it, and other nodes may fetch what lies below -filepath.
import type { Session } from 'node:inspector/promises';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxProfileMs } from '../../contract/limits.ts';
import { writeTextBelow } from '../../host/text-below.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { CommandCall, Handlers } from './handler.ts';

export interface DebugComponents {
  readonly clock: Clock;
  readonly log: { readonly warn: (text: string) => void };
}

export interface DebugCommands {
  readonly handlers: Handlers;
  /** Gives up a profile that is being made. */
  readonly stop: () => void;
}

export function createDebugCommands(filePath: string, { clock, log }: DebugComponents): DebugCommands {
  const write = (name: string, value: unknown) => writeTextBelow(filePath, name, `${JSON.stringify(value, null, 1)}\n`);
  let profile: { readonly session: Session; readonly file: string; readonly timer: Timer } | null = null;

  const finish = async () => {
    const ended = profile;
    profile = null;
    if (!ended) throw new AppError('refused', 'cpu profile not running');
    ended.timer.cancel();
    const result = await ended.session.post('Profiler.stop');
    ended.session.disconnect();
    await write(ended.file, result.profile);
  };

  return {
    handlers: {
      debug: (call) =>
        Promise.resolve(
          answer(call, {
            Header: ['goversion', 'goroutines', 'cgocalls'],
            Tabular: [[`node ${process.version}`, String(process.getActiveResourcesInfo().length), '0']],
          }),
        ),
      'debug <cpu,> <start,> <file>': async (call) => {
        if (profile)
          throw new AppError('conflict', `cpu profile already running, for ${profile.file}: \`debug cpu stop\``);
        const file = call.command.words['file'] ?? '';
        // An empty one now: a name that cannot be written is said before the profile, not after it.
        await write(file, {});
        const { Session: Inspector } = await import('node:inspector/promises');
        const session = new Inspector();
        session.connect();
        await session.post('Profiler.enable');
        await session.post('Profiler.start');
        const timer = clock.after(maxProfileMs, () => {
          finish().catch((error: unknown) => log.warn(`the cpu profile ${file}: ${String(error)}`));
        });
        profile = { session, file, timer };
        return answer(call);
      },
      'debug <cpu,> <stop,>': async (call) => {
        await finish();
        return answer(call);
      },
      'debug <goroutine,> <file>': async (call) => {
        const counts: Record<string, number> = {};
        for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
        await write(call.command.words['file'] ?? '', counts);
        return answer(call);
      },
      'debug <memory,> <file>': async (call) => {
        const spaces = getHeapSpaceStatistics();
        await write(call.command.words['file'] ?? '', {
          process: process.memoryUsage(),
          heap: getHeapStatistics(),
          spaces,
        });
        return answer(call);
      },
    },
    stop: () => {
      profile?.timer.cancel();
      profile?.session.disconnect();
      profile = null;
    },
  };
}

function answer({ host }: CommandCall, part: Partial<Omit<ResponseEntry, 'Host'>> = {}): ResponseEntry[] {
  return [responseEntry(host, part)];
}
