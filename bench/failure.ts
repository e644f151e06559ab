// Failure detection (docs/benchmarks.md, B3): one process of a settled mesh is killed, then another one is stopped, until
// all the others have dropped it. The daemons themselves, default settings on both sides.
import { setTimeout as sleep } from 'node:timers/promises';
import type { MortalCluster } from './cluster.ts';
import { whenAllSee } from './cluster.ts';
import type { MembershipOptions } from './join.ts';
import { startMeshds } from './meshds.ts';
import { serfVersion, startSerfCluster } from './peers/serf.ts';
import type { Report } from './report.ts';
import type { Side } from './rounds.ts';
import { interleave } from './rounds.ts';

const timeoutMs = 90_000;
/** Between two faults: what the last one set off has ended, and no two fall into the same beat. */
const settleMs = 2_000;

interface LossTimes {
  readonly killMs: number;
  readonly stopMs: number;
  readonly memoryMb: readonly number[];
}

export async function benchFailure(report: Report, options: MembershipOptions): Promise<void> {
  const { agents, degree } = options;
  report.heading(`Failure: one of ${agents} processes, until all others have dropped it`);
  const sides: Side<LossTimes>[] = [
    { name: 'ours', measure: (round) => measureLoss(round, () => startMeshds({ size: agents, degree })) },
  ];
  if ((await serfVersion()) === null) report.missing('failure-serf', 'serf is not installed');
  else sides.push({ name: 'serf', measure: (round) => measureLoss(round, () => startSerfCluster(agents)) });
  const times = await interleave(sides, options);
  const goals = { kill: 1_000, stop: 4_000 };
  for (const fault of ['kill', 'stop'] as const) {
    const figures = Object.fromEntries(
      sides.map(({ name }) => [
        name,
        report.figure(`failure-${fault}-${name}`, `SIG${fault.toUpperCase()}, ${name}`, {
          unit: 'ms',
          samples: (times.get(name) ?? []).map((each) => (fault === 'kill' ? each.killMs : each.stopMs)),
          ...(name === 'ours' ? { goal: { at: 'most', value: goals[fault] } } : {}),
        }),
      ]),
    );
    report.ratio(`failure-${fault}/serf`, `SIG${fault.toUpperCase()}, ours / serf`, {
      of: figures['ours'],
      by: figures['serf'],
      goal: { at: 'most', value: 0.5 },
    });
  }
  for (const { name } of sides) {
    report.figure(`memory-${name}`, `resident memory of a process in the settled mesh, ${name}`, {
      unit: 'MB',
      samples: (times.get(name) ?? []).flatMap((each) => each.memoryMb),
    });
  }
}

async function measureLoss(round: number, start: () => Promise<MortalCluster>): Promise<LossTimes> {
  const cluster = await start();
  try {
    const all = Array.from({ length: cluster.size }, (_, node) => node);
    const isWhole = (members: ReadonlySet<number>) => members.size === cluster.size;
    const isWholeEverywhere = whenAllSee(cluster, all, { isReached: isWhole, timeoutMs });
    await cluster.join();
    await isWholeEverywhere;
    await sleep(settleMs);
    const memoryMb = await cluster.memoryMb();
    // Another victim in each round, and never the seed.
    const killed = 1 + (round % (cluster.size - 2));
    const killMs = await timeUntilDropped(cluster, killed, 'SIGKILL', new Set([killed]));
    await sleep(settleMs);
    const stopped = killed + 1;
    const stopMs = await timeUntilDropped(cluster, stopped, 'SIGSTOP', new Set([killed, stopped]));
    return { killMs, stopMs, memoryMb };
  } finally {
    await cluster.stop();
  }
}

async function timeUntilDropped(
  cluster: MortalCluster,
  victim: number,
  signal: 'SIGKILL' | 'SIGSTOP',
  down: ReadonlySet<number>,
): Promise<number> {
  const observers = Array.from({ length: cluster.size }, (_, node) => node).filter((node) => !down.has(node));
  const isReached = (members: ReadonlySet<number>) => !members.has(victim);
  const startedAtMs = performance.now();
  cluster.signal(victim, signal);
  return (await whenAllSee(cluster, observers, { isReached, timeoutMs })) - startedAtMs;
}
