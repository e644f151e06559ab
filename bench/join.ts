// Join (docs/benchmarks.md, B1): running processes become one mesh; the time ends when every one lists all. Both sides start
// from the same state: the processes run, their sockets are open, and they know no other. Then each learns the others (serf:
// one seed; ours: the roster, which deploy hands over). The bench also prints the time from the start of the processes, most
// of which is loading Node.
import type { Cluster } from './cluster.ts';
import { whenAllSee } from './cluster.ts';
import { startMeshNodes } from './mesh-nodes.ts';
import { startMeshds } from './meshds.ts';
import { serfVersion, startSerfCluster } from './peers/serf.ts';
import type { Report } from './report.ts';
import type { Side } from './rounds.ts';
import { interleave } from './rounds.ts';

export interface MembershipOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Processes of each side. */
  readonly agents: number;
  readonly degree: number;
}

const timeoutMs = 60_000;

interface JoinTimes {
  /** From the first start until all were ready to join. */
  readonly startMs: number;
  /** From the request to join until every one lists all. */
  readonly joinMs: number;
}

export async function benchJoin(report: Report, options: MembershipOptions): Promise<void> {
  const { agents, degree } = options;
  report.heading(`Join: ${agents} processes, until every one lists all ${agents}`);
  const sides: Side<JoinTimes>[] = [
    { name: 'ours', measure: () => measureJoin(() => startMeshNodes({ size: agents, degree })) },
  ];
  if ((await serfVersion()) === null) report.missing('join-serf', 'serf is not installed');
  else sides.push({ name: 'serf', measure: () => measureJoin(() => startSerfCluster(agents)) });
  // A join is over in half a second, and serf's falls into steps of its gossip interval: few rounds would say little.
  const times = await interleave(sides, { ...options, rounds: options.rounds * 3 });
  const figures = Object.fromEntries(
    sides.map(({ name }) => {
      const samples = times.get(name) ?? [];
      const joined = report.figure(`join-${name}`, `told to join until all list all, ${name}`, {
        unit: 'ms',
        samples: samples.map(({ joinMs }) => joinMs),
      });
      report.figure(`join-start-${name}`, `start of the processes until all were ready to join, ${name}`, {
        unit: 'ms',
        samples: samples.map(({ startMs }) => startMs),
      });
      return [name, joined];
    }),
  );
  report.ratio('join/serf', 'join, ours / serf', {
    of: figures['ours'],
    by: figures['serf'],
    goal: { at: 'most', value: 0.5 },
  });
  await benchFromSpawn(report, options);
}

async function measureJoin(start: () => Promise<Cluster>): Promise<JoinTimes> {
  const cluster = await start();
  try {
    const all = Array.from({ length: cluster.size }, (_, node) => node);
    const toldAtMs = performance.now();
    const isReached = (members: ReadonlySet<number>) => members.size === cluster.size;
    const seen = whenAllSee(cluster, all, { isReached, timeoutMs });
    await Promise.all([cluster.join(), seen]);
    return { startMs: cluster.readyAtMs - cluster.startedAtMs, joinMs: (await seen) - toldAtMs };
  } finally {
    await cluster.stop();
  }
}

/** The daemons themselves: each joins when it is up, as after a power cut of all machines. */
async function benchFromSpawn(report: Report, { rounds, signal, agents, degree }: MembershipOptions): Promise<void> {
  const measure = async () => {
    const cluster = await startMeshds({ size: agents, degree });
    try {
      const all = Array.from({ length: cluster.size }, (_, node) => node);
      const isReached = (members: ReadonlySet<number>) => members.size === cluster.size;
      const fullAtMs = await whenAllSee(cluster, all, { isReached, timeoutMs });
      return { fullMs: fullAtMs - cluster.startedAtMs, readyMs: cluster.readyAtMs - cluster.startedAtMs };
    } finally {
      await cluster.stop();
    }
  };
  const samples = (await interleave([{ name: 'ours', measure }], { rounds, signal })).get('ours') ?? [];
  report.figure('join-daemons', 'meshd from the start of the first process until all list all', {
    unit: 'ms',
    samples: samples.map(({ fullMs }) => fullMs),
  });
  report.figure('join-daemons-last', 'of which after the last one answered its command socket', {
    unit: 'ms',
    samples: samples.map(({ fullMs, readyMs }) => fullMs - readyMs),
  });
}
