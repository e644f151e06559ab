// SSH fan-out (docs/benchmarks.md, B4 and B5): the same command on 100 hosts, 32 at a time, by pdsh, by clush and by us.
// Cold: connect, log in, run, close. Warm: a second command over connections that were kept.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../contract/errors.ts';
import { localRunner } from '../host/runner.ts';
import type { RunResult } from '../host/runner.ts';
import { SshConnection } from '../host/ssh/connection.ts';
import type { SshCredentials } from '../host/ssh/credentials.ts';
import { loadCredentials } from '../host/ssh/credentials.ts';
import { HostKeyPins } from '../host/ssh/pins.ts';
import { residentMb } from './facts.ts';
import type { Report } from './report.ts';
import type { Side } from './rounds.ts';
import { forEachParallel, interleave } from './rounds.ts';
import type { SshTargets } from './ssh-targets.ts';
import { startSshTargets } from './ssh-targets.ts';

export interface FanOutOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly targets: number;
  /** Hosts worked on at the same time, the same for every side. */
  readonly parallel: number;
}

/** What runs on each host. A builtin of /bin/sh, so that the cost is SSH's. */
const command = ['echo', 'ok'];
const timeoutMs = 120_000;
/** Commands per host in a warm measurement; one alone takes ours a fifth of a second, which is too little to measure. */
const warmRepeats = 5;

interface Ours {
  readonly pins: HostKeyPins;
  readonly credentials: SshCredentials;
}

export async function benchFanOut(report: Report, options: FanOutOptions): Promise<void> {
  if (process.getuid?.() !== 0) {
    report.missing('fan-out', 'the private sshd needs root for its mount namespace');
    return;
  }
  report.heading(`SSH fan-out: ${options.targets} hosts, ${options.parallel} at a time, \`${command.join(' ')}\``);
  const targets = await startSshTargets(options.targets);
  try {
    const ours: Ours = {
      pins: new HostKeyPins({ ownFile: targets.knownHosts, otherFiles: [] }),
      credentials: await loadCredentials(targets.home),
    };
    await benchCold(report, { targets, ours, options });
    await benchWarm(report, { targets, ours, options });
  } finally {
    await targets.stop();
  }
}

interface Parts {
  readonly targets: SshTargets;
  readonly ours: Ours;
  readonly options: FanOutOptions;
}

async function benchCold(report: Report, { targets, ours, options }: Parts): Promise<void> {
  const { parallel } = options;
  const config = await targets.sshConfig();
  const sides: Side<number>[] = [
    {
      name: 'ours',
      measure: () =>
        secondsOf(() =>
          forEachParallel(targets.hosts, parallel, async (host) => {
            const connection = await connectOurs(targets, ours, host);
            assertOk(1, await connection.run(command));
            connection.close();
          }),
        ),
    },
    { name: 'pdsh', measure: () => secondsOf(() => runPdsh(targets, { config, parallel })) },
    { name: 'clush', measure: () => secondsOf(() => runClush(targets, { config, parallel })) },
  ];
  // Once unmeasured: programs come from disk, and ours is compiled by the runtime as it is used. In meshd it is warm.
  for (const side of sides) await side.measure(0);
  const times = await interleave(sides, options);
  const figures = Object.fromEntries(
    sides.map(({ name }) => {
      const samples = (times.get(name) ?? []).map((seconds) => targets.hosts.length / seconds);
      return [name, report.figure(`fan-out-cold-${name}`, `cold, ${name}`, { unit: 'per s', samples })];
    }),
  );
  report.ratio('fan-out-cold/pdsh', 'cold, ours / pdsh', {
    of: figures['ours'],
    by: figures['pdsh'],
    goal: { at: 'least', value: 4 },
  });
  report.ratio('fan-out-cold/clush', 'cold, ours / clush', { of: figures['ours'], by: figures['clush'] });
}

async function benchWarm(report: Report, { targets, ours, options }: Parts): Promise<void> {
  const { parallel } = options;
  const controlPath = join(targets.folder, 'control');
  await mkdir(controlPath);
  const config = await targets.sshConfig({ controlPath });
  const connections: SshConnection[] = [];
  try {
    await forEachParallel(targets.hosts, parallel, async (host) => {
      connections.push(await connectOurs(targets, ours, host));
    });
    const memoryMb = await residentMb(process.pid);
    // Opens the masters; pdsh and clush then share them.
    await runClush(targets, { config, parallel });
    const masters = await masterPids(targets, { config, controlPath, parallel });
    const repeat = async (once: () => Promise<void>) => {
      for (let index = 0; index < warmRepeats; index++) await once();
    };
    const ourRun = () =>
      forEachParallel(connections, parallel, async (connection) => {
        assertOk(1, await connection.run(command));
      });
    const sides: Side<number>[] = [
      { name: 'ours', measure: () => secondsOf(() => repeat(ourRun)) },
      { name: 'pdsh', measure: () => secondsOf(() => repeat(() => runPdsh(targets, { config, parallel }))) },
      { name: 'clush', measure: () => secondsOf(() => repeat(() => runClush(targets, { config, parallel }))) },
    ];
    const times = await interleave(sides, options);
    const figures = Object.fromEntries(
      sides.map(({ name }) => {
        const samples = (times.get(name) ?? []).map((seconds) => (warmRepeats * targets.hosts.length) / seconds);
        const label = name === 'ours' ? 'warm, ours' : `warm, ${name} with ControlMaster`;
        return [name, report.figure(`fan-out-warm-${name}`, label, { unit: 'per s', samples })];
      }),
    );
    report.ratio('fan-out-warm/clush', 'warm, ours / clush', {
      of: figures['ours'],
      by: figures['clush'],
      goal: { at: 'least', value: 5 },
    });
    report.ratio('fan-out-warm/pdsh', 'warm, ours / pdsh', { of: figures['ours'], by: figures['pdsh'] });
    report.figure(
      'fan-out-memory-ours',
      `memory with ${connections.length} open connections, ours, the whole process`,
      {
        unit: 'MB',
        samples: [memoryMb],
      },
    );
    report.figure('fan-out-memory-ssh', `memory with ${masters.length} open connections, ssh masters`, {
      unit: 'MB',
      samples: [(await Promise.all(masters.map(residentMb))).reduce((sum, value) => sum + value, 0)],
    });
  } finally {
    for (const connection of connections) connection.close();
    await closeMasters(targets, { config, controlPath, parallel });
  }
}

/** Each run must have done all of its work: a side that gives up early would look fast. */
function assertOk(hosts: number, result: RunResult): void {
  const answers = result.stdout.split('\n').filter((line) => /(^|: )ok$/.test(line)).length;
  if (answers === hosts) return;
  throw new AppError('failed', `${answers} of ${hosts} hosts answered: ${result.stderr.slice(0, 500)}`);
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedAtMs = performance.now();
  await work();
  return (performance.now() - startedAtMs) / 1000;
}

function connectOurs(targets: SshTargets, ours: Ours, host: string): Promise<SshConnection> {
  const target = { host, port: targets.port, user: targets.user };
  return SshConnection.connect({ target, local: 'bench', timeoutMs: 30_000 }, ours);
}

async function runPdsh(targets: SshTargets, how: { config: string; parallel: number }): Promise<void> {
  const argv = ['pdsh', '-R', 'ssh', '-f', String(how.parallel), '-w', targets.range, ...command];
  const env = { PDSH_SSH_ARGS: `-F ${how.config} -a -x -l%u %h` };
  assertOk(targets.hosts.length, await localRunner.run(argv, { timeoutMs, env }));
}

async function runClush(targets: SshTargets, how: { config: string; parallel: number }): Promise<void> {
  const argv = ['clush', '-f', String(how.parallel), '-o', `-F ${how.config}`, '-w', targets.range, ...command];
  assertOk(targets.hosts.length, await localRunner.run(argv, { timeoutMs }));
}

interface Masters {
  readonly config: string;
  readonly controlPath: string;
  readonly parallel: number;
}

/** Process ids of the ssh processes that hold the shared connections: `Master running (pid=123)`. */
async function masterPids(targets: SshTargets, { config, controlPath, parallel }: Masters): Promise<number[]> {
  const pids: number[] = [];
  const hosts = (await readdir(controlPath)).filter((name) => targets.hosts.includes(name));
  await forEachParallel(hosts, parallel, async (host) => {
    const { stdout, stderr } = await localRunner.run(['ssh', '-F', config, '-O', 'check', host]);
    pids.push(Number(/pid=(\d+)/.exec(stdout + stderr)?.[1] ?? 0));
  });
  return pids;
}

async function closeMasters(targets: SshTargets, { config, controlPath, parallel }: Masters): Promise<void> {
  const hosts = (await readdir(controlPath)).filter((name) => targets.hosts.includes(name));
  await forEachParallel(hosts, parallel, async (host) => {
    // One that is gone already is what we want.
    await localRunner.run(['ssh', '-F', config, '-O', 'exit', host]).catch(() => undefined);
  });
}
