// meshd: the daemon and its clients, by flags. Exit codes: 0 done, 1 failed, 2 wrong flags (or a client that cannot connect),
// 3 a meshd already runs on this base.
import { realpathSync } from 'node:fs';
import { describeError, AppError } from '../contract/errors.ts';
import { describeFlags, parseFlags, statePathOf, type Flags } from '../core/flags.ts';
import type { Daemon } from './daemon.ts';
import { createLog, type LogLevel } from './log.ts';
import { describeVersion } from './version.ts';

const exitCode = { done: 0, failed: 1, usage: 2, alreadyRunning: 3 } as const;
/** How long a stop may take before the process ends anyway. */
const stopDeadlineMs = 5_000;

async function main(argv: readonly string[]): Promise<number> {
  if (argv.some((argument) => /^--?h(elp)?$/.test(argument)) && !argv.includes('-e')) {
    console.log(describeFlags());
    return exitCode.done;
  }
  const parsed = parseFlags(argv);
  if (!parsed.ok) {
    console.error(`meshd: ${parsed.message}`);
    return exitCode.usage;
  }
  const { flags, rest } = parsed;
  const programPath = realpathSync(process.argv[1] ?? '');
  if (flags.version) {
    console.log(`meshd ${describeVersion(programPath)}`);
    return exitCode.done;
  }
  const target = { socketPath: `${flags.base}/meshd`, namespace: flags.namespace };
  // Each way loads what it needs: a client that loaded the daemon would take twice as long.
  if (flags.e) return (await import('./client/execute.ts')).runExecute(rest, target);
  if (flags.attach) return (await import('./client/attach.ts')).runAttach(target);
  if (flags.relay) return (await import('./client/relay.ts')).runRelay(target);
  if (flags.takeca !== '') {
    const { runTakeCa } = await import('./client/take-ca.ts');
    return runTakeCa(flags.takeca, { base: flags.base, state: statePathOf(flags.base) });
  }
  if (rest.length > 0) {
    console.error(`meshd: unexpected argument ${rest[0] ?? ''}: to run a command use \`meshd -e\`; see meshd -help`);
    return exitCode.usage;
  }
  return runDaemon(flags, programPath);
}

async function runDaemon(flags: Flags, programPath: string): Promise<number> {
  // For ps, top and `fault kill node3 meshd`: otherwise every node shows `node`.
  process.title = 'meshd';
  // The level was checked with the flags.
  const log = createLog({ level: flags.level as LogLevel, file: flags.logfile });
  const ended = Promise.withResolvers<number>();
  // Before anything is written: a signal during the start ends it in order, right after it.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info(`${signal}: stopping`);
      ended.resolve(exitCode.done);
    });
  }
  const { startDaemon } = await import('./daemon.ts');
  const { linuxMachine } = await import('../host/machine.ts');
  let daemon: Daemon;
  try {
    daemon = await startDaemon(
      { flags, programPath },
      {
        log,
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
  if (!flags.nostdin) {
    // As minimega: without -nostdin the terminal is the daemon's prompt, and its end is the daemon's end.
    const { runAttach } = await import('./client/attach.ts');
    void runAttach({ socketPath: daemon.socketPath, namespace: '', isOwnTerminal: true }).then(() => {
      ended.resolve(exitCode.done);
    });
  }
  const code = await ended.promise;
  setTimeout(() => process.exit(code), stopDeadlineMs).unref();
  await daemon.stop();
  return code;
}

process.exitCode = await main(process.argv.slice(2));
// A finished client and a stopped daemon hold nothing worth waiting for.
process.exit();
