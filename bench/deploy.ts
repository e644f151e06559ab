// Deploy (docs/benchmarks.md): the guide's cluster in its own lab. From typing `deploy launch node[2-10]` on the head
// until every node lists all, cold (nothing of ours on the nodes) and warm (the tree is there, no service and no identity);
// then nodes that are lost and come back. Each node is watched on its own command socket.
import { setTimeout as sleep } from 'node:timers/promises';
import { installTree, placeRootKeys, runMeshd, startMeshd, treeOnNode } from '../lab/cluster.ts';
import type { Lab } from '../lab/lab.ts';
import { openLab } from '../lab/lab.ts';
import { describeRange } from '../core/ranges/describe-range.ts';
import { Views, whenAllSee } from './cluster.ts';
import { buildTree } from './meshds.ts';
import { followMeshd, memberNames } from './meshd-view.ts';
import type { Report } from './report.ts';
import { forEachParallel } from './rounds.ts';

export interface DeployBenchOptions {
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly nodes: number;
}

const labName = 'bench';
const timeoutMs = 120_000;
const lookEveryMs = 50;
/** Between two faults, so that what one sets off does not show in the next. */
const settleMs = 3_000;

/** The phases of `deploy launch`, in order, each with the status line that a node says when it has passed the phase. */
export const phases = [
  { id: 'copy', label: 'connected and copied', passed: /^starting$/ },
  { id: 'start', label: 'started', passed: /^waiting for hello$/ },
  { id: 'hello', label: 'said hello', passed: /^waiting for the mesh$/ },
  { id: 'mesh', label: 'in the mesh, as the head sees it', passed: /^in the mesh/ },
] as const;
export type PhaseId = (typeof phases)[number]['id'];

/** Node and text of a status line such as `[node2] waiting for hello`, or null. */
export function parseStatusLine(line: string): { node: string; text: string } | null {
  const match = /^\[([^\]]+)\] (.*)$/.exec(line.trim());
  return match?.[1] !== undefined && match[2] !== undefined ? { node: match[1], text: match[2] } : null;
}

/** Notes when the last node passed each phase, from status lines as they come. */
export class PhaseTimes {
  private readonly lastAtMs = new Map<PhaseId, number>();

  add(line: string, atMs: number): void {
    const status = parseStatusLine(line);
    const phase = status && phases.find(({ passed }) => passed.test(status.text));
    if (phase) this.lastAtMs.set(phase.id, atMs);
  }

  /** NaN for a phase that no node has passed. */
  last(id: PhaseId): number {
    return this.lastAtMs.get(id) ?? NaN;
  }
}

interface Launched {
  readonly times: PhaseTimes;
  readonly commandMs: number;
  readonly fullMs: number;
}

interface Samples {
  readonly cold: Launched[];
  readonly warm: Launched[];
  readonly loss: Record<'powerOff' | 'powerOn' | 'kill' | 'back', number[]>;
  readonly memoryMb: number[];
}

export async function benchDeploy(report: Report, options: DeployBenchOptions): Promise<void> {
  report.heading(`Deploy: a lab of ${options.nodes} nodes, the guide's commands`);
  if (process.getuid?.() !== 0) {
    report.missing('deploy', 'a lab needs root');
    return;
  }
  await buildTree();
  const lab = openLab({ name: labName, progress: () => undefined });
  await lab.down();
  const startedAtMs = performance.now();
  try {
    const results = await lab.up({ nodes: options.nodes });
    const failed = results.filter((result) => result.error !== null);
    if (failed.length > 0) throw new Error(failed.map(({ name, error }) => `${name}: ${error ?? ''}`).join('; '));
    report.fact('lab', `${options.nodes} nodes up in ${((performance.now() - startedAtMs) / 1000).toFixed(1)} s`);
    await measureIn(lab, report, options);
  } finally {
    await lab.down();
  }
}

async function measureIn(lab: Lab, report: Report, { rounds, signal }: DeployBenchOptions): Promise<void> {
  const nodes = (await lab.nodes()).map((node) => node.name);
  const [head = '', ...others] = nodes;
  const range = describeRange(others);
  await placeRootKeys(lab, head, others);
  const cluster = new LabCluster(lab, nodes);
  const samples: Samples = {
    cold: [],
    warm: [],
    loss: { powerOff: [], powerOn: [], kill: [], back: [] },
    memoryMb: [],
  };
  try {
    for (let round = 0; round < rounds; round++) {
      signal.throwIfAborted();
      report.note(`round ${round + 1}: cold`);
      await wipe(lab, nodes, 'all');
      await installTree(lab, head);
      await startMeshd(lab, head, ['-degree', '3', '-context', 'john', '-nostdin']);
      samples.cold.push(await launch(lab, cluster, { head, range }));
      samples.memoryMb.push(...(await memoryOf(lab, nodes)));
      report.note(`round ${round + 1}: warm`);
      await wipe(lab, others, 'keep-tree');
      await cluster.until([head], new Set([head]));
      samples.warm.push(await launch(lab, cluster, { head, range }));
      report.note(`round ${round + 1}: node lost, node back`);
      await measureLoss(lab, cluster, { others, round, samples });
    }
  } finally {
    cluster.stop();
  }
  describe(report, samples);
}

function describe(report: Report, { cold, warm, loss, memoryMb }: Samples): void {
  const goals = { cold: 10_000, warm: 5_000 };
  for (const [kind, launched] of [['cold', cold] as const, ['warm', warm] as const]) {
    for (const { id, label } of phases) {
      report.figure(`deploy-${kind}-${id}`, `${kind}: typed until the last node ${label}`, {
        unit: 'ms',
        samples: launched.map(({ times }) => times.last(id)),
      });
    }
    report.figure(`deploy-${kind}-command`, `${kind}: typed until the command ended`, {
      unit: 'ms',
      samples: launched.map(({ commandMs }) => commandMs),
    });
    report.figure(`deploy-${kind}`, `${kind}: typed until every node lists all`, {
      unit: 'ms',
      samples: launched.map(({ fullMs }) => fullMs),
      goal: { at: 'most', value: goals[kind] },
    });
  }
  const figures = [
    ['powerOff', 'node-lost-power', 'power cut until gone from all lists', 4_000],
    ['powerOn', 'node-back-power', 'power on until it is in all lists again, its boot included', null],
    ['kill', 'node-lost-kill', 'kill -9 of meshd until gone from all lists', 1_000],
    ['back', 'node-back-kill', 'kill -9 of meshd until it is in all lists again, restarted by systemd', null],
  ] as const;
  for (const [key, id, label, most] of figures) {
    const goal = most === null ? {} : { goal: { at: 'most' as const, value: most } };
    report.figure(id, label, { unit: 'ms', samples: loss[key], ...goal });
  }
  report.figure('memory-node', 'resident memory of meshd on a node', { unit: 'MB', samples: memoryMb });
}

/** What every node of the lab lists, as it says itself. */
class LabCluster {
  readonly name = 'lab';
  readonly views: readonly ReadonlySet<number>[];
  readonly subscribe: Views['subscribe'];
  private readonly nodes: readonly string[];
  private readonly unfollow: (() => void)[];

  constructor(lab: Lab, nodes: readonly string[]) {
    this.nodes = nodes;
    const views = new Views(nodes.length);
    this.views = views.views;
    this.subscribe = views.subscribe.bind(views);
    this.unfollow = nodes.map((node, index) =>
      followMeshd({
        lookEveryMs,
        path: () => lab.livePath(node, '/run/meshd/meshd'),
        onState: (state) => views.set(index, new Set(memberNames(state).map((name) => nodes.indexOf(name)))),
      }),
    );
  }

  /** Settles with the moment at which each of `observers` lists exactly `members`. */
  until(observers: readonly string[], members: ReadonlySet<string>): Promise<number> {
    const isReached = (seen: ReadonlySet<number>) =>
      seen.size === members.size && [...seen].every((index) => members.has(this.nodes[index] ?? ''));
    const indexes = observers.map((node) => this.nodes.indexOf(node));
    return whenAllSee(this, indexes, { isReached, timeoutMs });
  }

  /** The same for all nodes and all members. */
  untilWhole(): Promise<number> {
    return this.until(this.nodes, new Set(this.nodes));
  }

  /** The same for all nodes but one, which they no longer list. */
  untilWithout(gone: string): Promise<number> {
    const rest = this.nodes.filter((node) => node !== gone);
    return this.until(rest, new Set(rest));
  }

  stop(): void {
    for (const end of this.unfollow) end();
  }
}

/** `deploy launch` on the head, as typed. */
async function launch(lab: Lab, cluster: LabCluster, what: { head: string; range: string }): Promise<Launched> {
  const times = new PhaseTimes();
  const startedAtMs = performance.now();
  const full = cluster.untilWhole();
  full.catch(() => undefined);
  let rest = '';
  await runMeshd(lab, what.head, ['deploy', 'launch', what.range], {
    timeoutMs,
    onOutput: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) times.add(line, performance.now() - startedAtMs);
    },
  });
  const commandMs = performance.now() - startedAtMs;
  return { times, commandMs, fullMs: (await full) - startedAtMs };
}

/** Takes meshd off the nodes: its service, its identity, and with `all` its tree as well. */
async function wipe(lab: Lab, nodes: readonly string[], what: 'all' | 'keep-tree'): Promise<void> {
  const script = `
    systemctl disable --now meshd.service 2>/dev/null
    rm -f /etc/systemd/system/meshd.service && systemctl daemon-reload
    [ ! -e /run/meshd/meshd.pid ] || kill "$(cat /run/meshd/meshd.pid)" 2>/dev/null
    while [ -e /run/meshd/meshd ]; do sleep 0.1; done
    rm -rf /var/lib/meshd /run/meshd "$@"`;
  const trees = what === 'all' ? [treeOnNode] : [];
  await forEachParallel(nodes, 4, async (node) => {
    await lab.exec(node, ['sh', '-c', script, 'sh', ...trees], { timeoutMs: 30_000 });
  });
}

async function measureLoss(
  lab: Lab,
  cluster: LabCluster,
  { others, round, samples }: { others: readonly string[]; round: number; samples: Samples },
): Promise<void> {
  const victim = others[round % others.length] ?? '';
  await sleep(settleMs);
  const gone = cluster.untilWithout(victim);
  const offAtMs = performance.now();
  await lab.fault.power(victim, 'off');
  samples.loss.powerOff.push((await gone) - offAtMs);
  await sleep(settleMs);
  const onAtMs = performance.now();
  const back = cluster.untilWhole();
  await lab.fault.power(victim, 'on');
  samples.loss.powerOn.push((await back) - onAtMs);
  await lab.ready(victim);
  const killed = others[(round + 1) % others.length] ?? '';
  await sleep(settleMs);
  const lost = cluster.untilWithout(killed);
  const killedAtMs = performance.now();
  await killMeshd(lab, killed);
  samples.loss.kill.push((await lost) - killedAtMs);
  samples.loss.back.push((await cluster.untilWhole()) - killedAtMs);
}

/** As an administrator would, by the service's main process. */
async function killMeshd(lab: Lab, node: string): Promise<void> {
  await lab.exec(node, ['systemctl', 'kill', '--signal=KILL', '--kill-whom=main', 'meshd.service']);
}

async function memoryOf(lab: Lab, nodes: readonly string[]): Promise<number[]> {
  const script = 'sed -n "s/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p" "/proc/$(cat /run/meshd/meshd.pid)/status"';
  const results = await Promise.all(nodes.map((node) => lab.exec(node, ['sh', '-c', script])));
  return results.map(({ stdout }) => Number(stdout) / 1024);
}
