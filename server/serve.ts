// The console from its start to its end, for `npm start`, the demo and `npm run dev`: says how to get in, and stops cleanly
// when this process gets a signal.
import { describeError } from '../contract/errors.ts';
import type { Config } from './config.ts';
import { createFleet } from './fleet/create-fleet.ts';
import { createLog } from './log.ts';
import type { RunningServer } from './ports.ts';
import { createRuns } from './plans/create-runs.ts';
import { describeStart, startServer, type Makers } from './start.ts';

/** A stop that takes longer than this is a fault: the process ends all the same, and the journal knows where it was. */
const stopDeadlineMs = 8_000;

export interface ServedConsole extends Pick<RunningServer, 'url' | 'setupLink'> {
  /** Settles with the process's exit code when the console has stopped, after SIGTERM or SIGINT. */
  readonly ended: Promise<number>;
}

/** Starts the console and prints how to get in. @throws AppError when it cannot start; nothing runs then */
export async function serveConsole(
  config: Config,
  print: (line: string) => void,
  extra: Pick<Makers, 'services'> = {},
): Promise<ServedConsole> {
  // Whatever this process writes from here on is its owner's alone.
  process.umask(0o077);
  if (!config.isDevelopment) Object.assign(process.env, { NODE_ENV: 'production' });
  Object.assign(process.env, { NEXT_TELEMETRY_DISABLED: '1' });
  const log = createLog(config.logLevel);
  const running = await startServer(config, { createFleet, createRuns, log, ...extra });
  for (const line of describeStart(config, running)) print(line);

  const ended = Promise.withResolvers<number>();
  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    log.info(`${signal}: stopping`);
    setTimeout(() => {
      log.error(`not stopped within ${stopDeadlineMs} ms: ending`);
      ended.resolve(1);
    }, stopDeadlineMs).unref();
    running.stop().then(
      () => ended.resolve(0),
      (error: unknown) => {
        log.error(`stopping: ${describeError(error)}`);
        ended.resolve(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  return { url: running.url, setupLink: running.setupLink, ended: ended.promise };
}
