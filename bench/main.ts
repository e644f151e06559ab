// `npm run bench -- mesh`: our figures beside those of serf, pdsh and clush, in one run on one machine; `-- console`: the
// console with 1,000 nodes, and with 10,000 VMs, on the screen; `-- vms`: VMs' ports beside Open vSwitch's own tools. Prints a line per figure, and writes all of them to .cache/bench/<bench>-<time>.json.
// docs/benchmarks.md says what is compared with what.
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { describeError } from '../contract/errors.ts';
import { benchBroadcast } from './broadcast.ts';
import { benchConsole, type ConsoleBenchOptions } from './console.ts';
import { benchCrowd } from './console/crowd.ts';
import { benchPixel } from './console/pixel.ts';
import { benchDeploy } from './deploy.ts';
import { reportMachine } from './facts.ts';
import { benchFailure } from './failure.ts';
import { benchFiles } from './files.ts';
import { benchFanOut } from './fan-out.ts';
import { benchIdle } from './idle.ts';
import { benchJoin } from './join.ts';
import { benchPorts } from './ports.ts';
import { benchProbe } from './probe.ts';
import { Report } from './report.ts';
import { benchScale } from './scale.ts';
import { benchStreams } from './streams.ts';
import { benchVms } from './vms.ts';
import { benchVmsScale } from './vms-scale.ts';

const parts = ['idle', 'join', 'failure', 'broadcast', 'streams', 'files', 'fan-out', 'deploy', 'scale'] as const;
type Part = (typeof parts)[number];

const vmParts = ['ports', 'launches', 'scale', 'probe'] as const;
type VmPart = (typeof vmParts)[number];

const consoleParts = ['mesh', 'crowd', 'pixel'] as const;
type ConsolePart = (typeof consoleParts)[number];
const crowd = { nodes: 200, vms: 10_000, vlans: 300 };

interface VmBenchOptions {
  readonly only: readonly VmPart[];
  readonly rounds: number;
  readonly vms: number;
  readonly members: number;
  readonly assert: boolean;
}

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

/** Some of `known`, with commas between them. */
function listOf<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) =>
    text.split(',').map((name) => {
      const part = known.find((each) => each === name);
      if (part === undefined)
        throw new InvalidArgumentError(`there is no part ${name}; choose from ${known.join(', ')}`);
      return part;
    });
}

const program = new Command('bench').description('benchmarks, side by side with programs of the same trade');
program
  .command('mesh')
  .description('mesh, SSH fan-out and deploy')
  .option('--only <parts>', `some of ${parts.join(',')}`, listOf(parts), [...parts])
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
program
  .command('console')
  .description('the console with a large mesh, and with many VMs, on the screen')
  .option('--only <parts>', `some of ${consoleParts.join(',')}`, listOf(consoleParts), [...consoleParts])
  .option('--nodes <n>', 'nodes of the mesh', countTo(5000), 1000)
  .option('--changes <n>', 'changes of the mesh in a second', countTo(1000), 50)
  .option('--clients <n>', 'socket.io clients', countTo(500), 20)
  .option('--rounds <n>', 'rounds of each comparison', countTo(1000), 3)
  .option('--seconds <n>', 'how long each is measured', countTo(600), 10)
  .option('--soak-seconds <n>', 'how long the memory of a page is followed', countTo(86_400), 150)
  .option('--assert', 'exit 1 when a goal is missed or a figure could not be measured', false)
  .action(async (options: Omit<ConsoleBenchOptions, 'signal'> & { assert: boolean; only: readonly ConsolePart[] }) => {
    const run: Record<ConsolePart, BenchPart> = {
      mesh: (report, signal) => benchConsole(report, { ...options, signal }),
      crowd: (report, signal) => benchCrowd(report, { ...options, ...crowd, signal }),
      pixel: (report, signal) => benchPixel(report, { signal }),
    };
    process.exitCode = await runBench('console', options, partsOf(run, options.only));
  });
program
  .command('vms')
  .description('VMs on a node: their launch, memory, events and ports; probes of their VLANs')
  .option('--only <parts>', `some of ${vmParts.join(',')}`, listOf(vmParts), [...vmParts])
  .option('--rounds <n>', 'rounds of each comparison', countTo(1000), 3)
  .option('--members <n>', 'members of the mesh with a watcher', countTo(1000), 1000)
  .option('--vms <n>', "VMs beside which meshd's memory is read", countTo(1000), 200)
  .option('--assert', 'exit 1 when a goal is missed or a figure could not be measured', false)
  .action(async (options: VmBenchOptions) => {
    const run: Record<VmPart, BenchPart> = {
      ports: (report, signal) => benchPorts(report, { ...options, signal }),
      launches: (report, signal) => benchVms(report, { rounds: options.rounds, count: options.vms, signal }),
      scale: (report, signal) =>
        benchVmsScale(report, { rounds: options.rounds, members: options.members, vmsOfEach: 10, signal }),
      probe: (report, signal) => benchProbe(report, { rounds: options.rounds, signal }),
    };
    process.exitCode = await runBench('vms', options, partsOf(run, options.only));
  });
await program.parseAsync();

async function runMeshBench(options: MeshBenchOptions): Promise<number> {
  const run: Record<Part, BenchPart> = {
    idle: (report) => benchIdle(report),
    join: (report, signal) => benchJoin(report, { ...options, signal }),
    failure: (report, signal) => benchFailure(report, { ...options, signal }),
    broadcast: (report, signal) => benchBroadcast(report, { ...options, signal }),
    streams: (report, signal) => benchStreams(report, { ...options, signal }),
    files: (report, signal) => benchFiles(report, { rounds: Math.min(options.rounds, 3), signal }),
    'fan-out': (report, signal) => benchFanOut(report, { ...options, signal }),
    deploy: (report, signal) => benchDeploy(report, { rounds: options.deployRounds, nodes: options.nodes, signal }),
    scale: (report, signal) => benchScale(report, { ...options, signal }),
  };
  return runBench('mesh', options, partsOf(run, options.only));
}

function partsOf<Name extends string>(
  run: Readonly<Record<Name, BenchPart>>,
  only: readonly Name[],
): Readonly<Record<string, BenchPart>> {
  return Object.fromEntries(only.map((part) => [part, run[part]]));
}

type BenchPart = (report: Report, signal: AbortSignal) => Promise<void>;

/** Runs the parts in their order, one that fails beside the others; gives the exit code. */
async function runBench(
  bench: string,
  options: { readonly assert: boolean },
  parts: Readonly<Record<string, BenchPart>>,
): Promise<number> {
  const abort = new AbortController();
  // The part that runs ends its measurement and cleans up; a second signal ends the process.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error(name)));
  const { signal } = abort;
  const report = new Report((line) => console.log(line));
  const startedAt = new Date();
  report.heading('This machine');
  await reportMachine(report);
  for (const [name, run] of Object.entries(parts)) {
    if (signal.aborted) break;
    try {
      await run(report, signal);
    } catch (error) {
      report.missing(name, describeError(error));
    }
  }
  const path = `.cache/bench/${bench}-${startedAt.toISOString().replaceAll(/[:.]/g, '-')}.json`;
  await report.write(path, { bench, startedAt: startedAt.toISOString(), cores: availableParallelism(), options });
  report.heading(`Written to ${path}`);
  const shortfalls = report.shortfalls();
  for (const line of shortfalls) report.note(line);
  return signal.aborted || (options.assert && shortfalls.length > 0) ? 1 : 0;
}
