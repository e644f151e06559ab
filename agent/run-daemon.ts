// The daemon's life as a process: from its flags to its exit code.
import { flushCompileCache } from 'node:module';
import { AppError, describeError } from '../contract/errors.ts';
import { inertFlags, type Flags } from '../core/flags.ts';
import { linuxMachine } from '../host/machine.ts';
import { runAttach } from './client/attach.ts';
import { startDaemon, type Daemon } from './daemon.ts';
import { LogBook, type LogLevel } from './log.ts';

const exitCode = { done: 0, failed: 1, alreadyRunning: 3 } as const;
/** How long a stop may take before the process ends anyway. */
const stopDeadlineMs = 5_000;
/** Until what was compiled for the start is kept for the next one: it takes as long as a link, and the links come first. */
const keepCompiledAfterMs = 3_000;

export async function runDaemon(flags: Flags, programPath: string): Promise<number> {
  // For ps, top and `fault kill node3 meshd`: otherwise every node shows `node`.
  process.title = 'meshd';
  // The level was checked with the flags.
  const toStderr = flags.v && flags.verbose;
  const logBook = new LogBook({ level: flags.level as LogLevel, file: flags.logfile, toStderr });
  const { log } = logBook;
  const inert = inertFlags(flags);
  if (inert.length > 0) log.warn(`without effect in meshd: ${inert.join(', ')}`);
  const ended = Promise.withResolvers<number>();
  // Before anything is written: a signal during the start ends it in order, right after it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info(`${signal}: stopping`);
      ended.resolve(exitCode.done);
    });
  }
  let daemon: Daemon;
  try {
    daemon = await startDaemon(
      { flags, programPath },
      {
        log,
        logBook,
        machine: linuxMachine(),
        onQuit: (delayMs) => {
          setTimeout(() => {
            ended.resolve(exitCode.done);
          }, delayMs);
        },
      },
    );
  } catch (error) {
    log.fatal(describeError(error));
    return error instanceof AppError && error.detail?.['alreadyRunning'] === true
      ? exitCode.alreadyRunning
      : exitCode.failed;
  }
  // Not at the end: a killed daemon would lose it.
  setTimeout(flushCompileCache, keepCompiledAfterMs).unref();
  if (!flags.nostdin) {
    // As minimega: without -nostdin the terminal is the daemon's prompt, and its end is the daemon's end.
    void runAttach({ socketPath: daemon.socketPath, namespace: '', isOwnTerminal: true }).then(() => {
      ended.resolve(exitCode.done);
    });
  }
  const code = await ended.promise;
  setTimeout(() => process.exit(code), stopDeadlineMs).unref();
  await daemon.stop();
  return code;
}
