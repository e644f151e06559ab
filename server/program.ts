// The console as a program: reads its flags, starts, prints how to get in, and stops cleanly when it is told to.
import { flushCompileCache } from 'node:module';
import { AppError } from '../contract/errors.ts';
import { parseConfig, usage } from './config.ts';
import { serveConsole } from './serve.ts';

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  if (argv.includes('--help')) {
    console.log(usage);
    return 0;
  }
  const { ended } = await serveConsole(parseConfig(argv, process.env), (line) => console.log(line));
  // Not at the end: a console that is killed would have compiled for nothing.
  flushCompileCache();
  return ended;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    // A refusal is for the person at the terminal; anything else is a fault of ours and shows where.
    console.error(error instanceof AppError ? error.message : error);
    process.exit(1);
  },
);
