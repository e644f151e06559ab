// The soak: a mesh on a machine whose cores are all busy. A loaded node is not a dead one: the run fails when any node is
// ever missing from any list. Burners are child processes at normal priority, as a lab's own VMs would be.
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import type { Child } from '../host/child.ts';
import { startChild } from '../host/child.ts';
import { whenAllSee } from './cluster.ts';
import type { Meshds } from './meshds.ts';
import { buildTree, startMeshds } from './meshds.ts';
import { untilStopped } from './rounds.ts';

export interface SoakOptions {
  readonly nodes: number;
  readonly degree: number;
  readonly minutes: number;
  readonly burners: number;
  readonly signal: AbortSignal;
  readonly print: (line: string) => void;
  /** Called once the mesh is whole and the machine busy: a test breaks something there. */
  readonly onRunning?: (cluster: Meshds) => void;
}

export interface SoakResult {
  /** A node that was missing from a list, and how it was seen; the run's failures. */
  readonly drops: readonly string[];
  /** Times that a neighbour was silent for three heartbeats and others were asked. */
  readonly suspicions: number;
  /** Links closed for silence, though their node lived. */
  readonly lostLinks: number;
}

/** What a daemon's log line means for the soak. */
export function classifyLog(line: string): 'suspicion' | 'lost-link' | null {
  if (/ is silent; asking others/.test(line)) return 'suspicion';
  if (/ is down: silent for \d+ ms/.test(line)) return 'lost-link';
  return null;
}

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { nodes, degree, print, signal } = options;
  const counts = { suspicion: 0, 'lost-link': 0 };
  const drops: string[] = [];
  const burners: Child[] = [];
  const cluster = await startMeshds({
    size: nodes,
    degree,
    logLevel: 'debug',
    onLog: (node, line) => {
      const kind = classifyLog(line);
      if (kind) {
        counts[kind] += 1;
        print(`n${node}: ${line}`);
      }
    },
  });
  try {
    const all = Array.from({ length: nodes }, (_, node) => node);
    await whenAllSee(cluster, all, { isReached: (members) => members.size === nodes, timeoutMs: 120_000 });
    print(`${nodes} daemons list each other; ${options.burners} burners for ${options.minutes} minutes`);
    const unsubscribe = cluster.subscribe(({ observer, members }) => {
      const missing = all.filter((node) => !members.has(node)).map((node) => cluster.nameOf(node));
      if (missing.length === 0) return;
      const what = members.size === 0 ? 'lost its connection to us' : `dropped ${missing.join(', ')}`;
      drops.push(`${new Date().toISOString()} ${cluster.nameOf(observer)} ${what}`);
      print(drops.at(-1) ?? '');
    });
    for (let index = 0; index < options.burners; index++) {
      burners.push(await startChild([process.execPath, '-e', 'for (;;);'], { diesWithParent: true }));
    }
    options.onRunning?.(cluster);
    const endAtMs = performance.now() + options.minutes * 60_000;
    while (performance.now() < endAtMs && !signal.aborted) {
      await untilStopped(Math.min(60_000, endAtMs - performance.now()), signal);
      const leftMinutes = Math.max(0, (endAtMs - performance.now()) / 60_000);
      print(`${leftMinutes.toFixed(1)} minutes left: ${describe({ drops, counts })}`);
    }
    unsubscribe();
  } finally {
    await Promise.all(burners.map((burner) => burner.stop()));
    await cluster.stop();
  }
  return { drops, suspicions: counts.suspicion, lostLinks: counts['lost-link'] };
}

function describe({ drops, counts }: { drops: readonly string[]; counts: Record<string, number> }): string {
  return (
    `${counts['suspicion'] ?? 0} suspicions (three heartbeats missed), ` +
    `${counts['lost-link'] ?? 0} links closed for silence, ${drops.length} nodes taken for dead`
  );
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0');
  return value;
}

if (import.meta.main) {
  const program = new Command('soak')
    .description('runs a mesh while all cores are busy; fails when any node is ever taken for dead')
    .option('--minutes <n>', 'how long', positive, 10)
    .option('--nodes <n>', 'daemons', positive, 10)
    .option('--degree <n>', 'links each of them keeps', positive, 3)
    .option('--burners <n>', 'busy processes beside them', positive, availableParallelism())
    .parse();
  const { minutes, nodes, degree, burners } = program.opts<{
    minutes: number;
    nodes: number;
    degree: number;
    burners: number;
  }>();
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => abort.abort(new Error(name)));
  await buildTree();
  const print = (line: string) => console.log(line);
  const result = await runSoak({ nodes, degree, minutes, burners, signal: abort.signal, print });
  const counts = { suspicion: result.suspicions, 'lost-link': result.lostLinks };
  const isGood = result.drops.length === 0 && !abort.signal.aborted;
  console.log(
    `${isGood ? 'ok' : abort.signal.aborted ? 'stopped' : 'FAILED'}: ${describe({ drops: result.drops, counts })}`,
  );
  process.exitCode = isGood ? 0 : 1;
}
