// `npm run bench -- mesh`: our figures beside those of serf, pdsh and clush, in one run on one machine. Prints a line per
// figure, and writes all of them to .cache/bench/mesh-<time>.json. docs/benchmarks.md says what is compared with what.
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { describeError } from '../contract/errors.ts';
import { benchBroadcast } from './broadcast.ts';
import { benchDeploy } from './deploy.ts';
import { reportMachine } from './facts.ts';
import { benchFailure } from './failure.ts';
import { benchFanOut } from './fan-out.ts';
import { benchIdle } from './idle.ts';
import { benchJoin } from './join.ts';
import { Report } from './report.ts';

const parts = ['idle', 'join', 'failure', 'broadcast', 'fan-out', 'deploy'] as const;
type Part = (typeof parts)[number];

interface MeshBenchOptions {
  readonly only: readonly Part[];
  readonly rounds: number;
  readonly agents: number;
  readonly targets: number;
  readonly parallel: number;
  readonly nodes: number;
  readonly deployRounds: number;
  readonly degree: number;
  readonly assert: boolean;
}

/** A whole number from 1 to `most`. */
const countTo = (most: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) throw new InvalidArgumentError(`1 to ${most}`);
  return value;
};

function partList(text: string): Part[] {
  return text.split(',').map((name) => {
    const part = parts.find((known) => known === name);
    if (part === undefined) throw new InvalidArgumentError(`${name} is none of ${parts.join(', ')}`);
    return part;
  });
}

const program = new Command('bench').description('benchmarks, side by side with programs of the same trade');
program
  .command('mesh')
  .description('mesh, SSH fan-out and deploy')
  .option('--only <parts>', `some of ${parts.join(',')}`, partList, [...parts])
  .option('--rounds <n>', 'rounds of each comparison', countTo(1000), 5)
  .option('--agents <n>', 'processes of each side in join, failure and broadcast', countTo(90), 10)
  .option('--degree <n>', 'links that each of our processes keeps', countTo(1023), 3)
  .option('--targets <n>', 'hosts of the SSH fan-out', countTo(250), 100)
  .option('--parallel <n>', 'hosts of the SSH fan-out at a time', countTo(250), 32)
  .option('--nodes <n>', 'nodes of the lab that deploy is measured in', countTo(100), 10)
  .option('--deploy-rounds <n>', 'rounds of deploy', countTo(1000), 3)
  .option('--assert', 'exit 1 when a goal is missed or a figure could not be measured', false)
  .action(async (options: MeshBenchOptions) => {
    process.exitCode = await runMeshBench(options);
  });
await program.parseAsync();

async function runMeshBench(options: MeshBenchOptions): Promise<number> {
  const abort = new AbortController();
  // The part that runs ends its measurement and cleans up; a second signal ends the process.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error(name)));
  const { signal } = abort;
  const report = new Report((line) => console.log(line));
  const membership = { ...options, signal };
  const run: Record<Part, () => Promise<void>> = {
    idle: () => benchIdle(report),
    join: () => benchJoin(report, membership),
    failure: () => benchFailure(report, membership),
    broadcast: () => benchBroadcast(report, membership),
    'fan-out': () => benchFanOut(report, membership),
    deploy: () => benchDeploy(report, { rounds: options.deployRounds, nodes: options.nodes, signal }),
  };
  const startedAt = new Date();
  report.heading('This machine');
  await reportMachine(report);
  for (const part of options.only) {
    if (signal.aborted) break;
    try {
      await run[part]();
    } catch (error) {
      report.missing(part, describeError(error));
    }
  }
  const path = `.cache/bench/mesh-${startedAt.toISOString().replaceAll(/[:.]/g, '-')}.json`;
  await report.write(path, {
    bench: 'mesh',
    startedAt: startedAt.toISOString(),
    cores: availableParallelism(),
    options,
  });
  report.heading(`Written to ${path}`);
  const shortfalls = report.shortfalls();
  for (const line of shortfalls) report.note(line);
  return signal.aborted || (options.assert && shortfalls.length > 0) ? 1 : 0;
}
