// The console as a program: reads its flags, starts, prints how to get in, and stops cleanly on a signal.
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
  // Not at the end: a killed console would lose what it compiled.
  flushCompileCache();
  return ended;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    // A refusal is for the person at the terminal; anything else is our fault, and its stack shows where.
    console.error(error instanceof AppError ? error.message : error);
    process.exit(1);
  },
);
