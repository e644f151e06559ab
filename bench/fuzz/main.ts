// `npm run fuzz`: what no person sends, to the real programs: the command socket of meshd, frames of a hostile member of the
// mesh, and a console that is killed in the middle of writes. Prints a line per figure and fault, and exits 1 on a fault. A
// seed repeats the inputs of a run.
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { describeError } from '../../contract/errors.ts';
import { reportMachine } from '../facts.ts';
import { Report } from '../report.ts';
import { fuzzFrames } from './frames.ts';
import { fuzzKills } from './kills.ts';
import { Faults } from './process-facts.ts';
import { fuzzSocket } from './socket.ts';

const parts = ['socket', 'frames', 'kills'] as const;
type Part = (typeof parts)[number];

interface FuzzOptions {
  readonly only: readonly Part[];
  readonly seed: number;
  readonly inputs: number;
  readonly frames: number;
  readonly kills: number;
}

const countTo = (most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new InvalidArgumentError(`1 to ${most}`);
  return value;
};

function partList(text: string): Part[] {
  return text.split(',').map((name) => {
    const part = parts.find((known) => known === name);
    if (part === undefined) throw new InvalidArgumentError(`there is no part ${name}; choose from ${parts.join(', ')}`);
    return part;
  });
}

const program = new Command('fuzz')
  .description('fuzzes the real programs on this machine')
  .option('--only <parts>', `some of ${parts.join(',')}`, partList, [...parts])
  .option(
    '--seed <n>',
    'start of the random numbers; another one for each run unless given',
    countTo(2 ** 31),
    undefined,
  )
  .option('--inputs <n>', 'inputs of the command socket', countTo(10_000_000), 120_000)
  .option('--frames <n>', 'frames of the hostile member', countTo(10_000_000), 20_000)
  .option('--kills <n>', 'times that the console is killed', countTo(10_000), 100);
await program.parseAsync();
process.exitCode = await run(program.opts<Omit<FuzzOptions, 'seed'> & { seed?: number }>());

async function run(given: Omit<FuzzOptions, 'seed'> & { seed?: number }): Promise<number> {
  const options: FuzzOptions = { ...given, seed: given.seed ?? 1 + Math.floor(Math.random() * 2 ** 31) };
  const { seed } = options;
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error(name)));
  const { signal } = abort;
  const report = new Report((line) => console.log(line));
  const faults = new Faults(report);
  const startedAt = new Date();
  report.heading('This machine');
  await reportMachine(report);
  report.fact('seed', String(seed));
  const run: Record<Part, () => Promise<void>> = {
    socket: () => fuzzSocket(report, faults, { inputs: options.inputs, seed, signal }),
    frames: () => fuzzFrames(report, faults, { frames: options.frames, seed, signal }),
    kills: () => fuzzKills(report, faults, { kills: options.kills, seed, signal }),
  };
  for (const part of options.only) {
    if (signal.aborted) break;
    const startMs = performance.now();
    try {
      await run[part]();
    } catch (error) {
      report.missing(part, describeError(error));
    }
    report.fact(`${part} took`, `${Math.round((performance.now() - startMs) / 1_000)} s`);
  }
  report.heading('Faults');
  report.figure('faults', 'faults', { unit: '', samples: [faults.count], goal: { at: 'most', value: 0 } });
  const path = `.cache/bench/fuzz-${startedAt.toISOString().replaceAll(/[:.]/g, '-')}.json`;
  await report.write(path, {
    bench: 'fuzz',
    startedAt: startedAt.toISOString(),
    cores: availableParallelism(),
    options,
  });
  report.heading(`Written to ${path}`);
  const shortfalls = report.shortfalls();
  for (const line of shortfalls) report.note(line);
  return signal.aborted || shortfalls.length > 0 ? 1 : 0;
}
