// The console as a program: `npm start`. Reads its flags, starts, prints how to get in, and stops cleanly when it is told to.
import { AppError, describeError } from '../contract/errors.ts';
import { parseConfig, usage } from './config.ts';
import { createFleet } from './fleet/create-fleet.ts';
import { createLog } from './log.ts';
import { createRuns } from './runs/runs.ts';
import { describeStart, startServer } from './start.ts';

/** A stop that takes longer than this is a fault: the process ends all the same, and the journal knows where it was. */
const stopDeadlineMs = 8_000;

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    console.log(usage);
    return;
  }
  // Whatever this process writes is its owner's alone.
  process.umask(0o077);
  const config = parseConfig(argv, process.env);
  if (!config.isDevelopment) Object.assign(process.env, { NODE_ENV: 'production' });
  Object.assign(process.env, { NEXT_TELEMETRY_DISABLED: '1' });
  const log = createLog(config.logLevel);
  const running = await startServer(config, { createFleet, createRuns, log });
  for (const line of describeStart(config, running)) console.log(line);

  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    log.info(`${signal}: stopping`);
    setTimeout(() => {
      log.error(`not stopped within ${stopDeadlineMs} ms: ending`);
      process.exit(1);
    }, stopDeadlineMs).unref();
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error(`stopping: ${describeError(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
}

main().catch((error: unknown) => {
  // A refusal is for the person at the terminal; anything else is a fault of ours and shows where.
  console.error(error instanceof AppError ? error.message : error);
  process.exit(1);
});
