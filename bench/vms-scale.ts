// A watcher in a cluster of 1,000 members with ten VMs each (docs/benchmarks.md): how soon it has all VMs, how soon it has a change, and what its
// meshd takes of memory. That meshd is a real one; the other members share a process (vm-members.ts).
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { vms as vmKind, type VmRow } from '../contract/cluster-kinds.ts';
import { WatchMessage } from '../contract/watch-messages.ts';
import { changedRows } from '../core/rows.ts';
import { startChild, type Child } from '../host/child.ts';
import { quantile } from './console/quantile.ts';
import { residentMb } from './facts.ts';
import { openClient } from './meshd-view.ts';
import { buildTree, builtTree } from './meshds.ts';
import { median, type Report } from './report.ts';
import { within } from './rounds.ts';

const program = new URL('./vm-members.ts', import.meta.url).pathname;
const firstPort = 24_000;
const degree = 3;
const stepMs = 600_000;
/** The rate that a large cluster is designed for. */
const changesPerSecond = 50;
const changeSeconds = 20;

export interface VmsScaleOptions {
  readonly rounds: number;
  readonly members: number;
  readonly vmsOfEach: number;
  readonly signal: AbortSignal;
}

export async function benchVmsScale(report: Report, options: VmsScaleOptions): Promise<void> {
  const { members, vmsOfEach } = options;
  report.heading(`A watcher among ${members} members with ${vmsOfEach} VMs each`);
  await buildTree();
  const folder = await mkdtemp(join(tmpdir(), 'bench-scale-'));
  const children: Child[] = [];
  try {
    const others = await startMembers(folder, options);
    children.push(others.child);
    const port = await others.said('ready');
    const base = join(folder, 'base');
    const flags = [
      '-base',
      base,
      '-port',
      port,
      '-context',
      'secretcontext',
      '-degree',
      String(degree),
      '-level',
      'warn',
    ];
    const meshd = await startChild([join(builtTree, 'bin/meshd'), ...flags, '-force', '-nostdin'], {
      diesWithParent: true,
      onLine: (line) => report.note(line),
    });
    children.push(meshd);
    const begun = performance.now();
    await others.said('settled');
    report.note(`all see each other after ${Math.round((performance.now() - begun) / 1_000)} s`);
    await untilListed(join(base, 'state/vms/others.json'), members - 1);
    await measure(report, options, { socket: join(base, 'meshd'), pid: meshd.pid, others });
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

interface Members {
  readonly child: Child;
  /** What follows this word, once they say it. */
  said(word: string): Promise<string>;
}

async function startMembers(folder: string, { members, vmsOfEach }: VmsScaleOptions): Promise<Members> {
  const lines = new Map<string, PromiseWithResolvers<string>>();
  const lineOf = (word: string) => {
    const known = lines.get(word) ?? Promise.withResolvers<string>();
    lines.set(word, known);
    return known;
  };
  const words = [folder, members, vmsOfEach, firstPort, degree].map(String);
  const child = await startChild([process.execPath, '--max-old-space-size=8192', program, ...words], {
    diesWithParent: true,
    hasInput: true,
    onLine: (line) => {
      const [word = '', ...rest] = line.split(' ');
      lineOf(word).resolve(rest.join(' '));
    },
  });
  const failed = child.ended.then(() => Promise.reject(new Error('the members ended')));
  failed.catch(() => undefined);
  return {
    child,
    async said(word) {
      const heard = Promise.race([lineOf(word).promise, failed]);
      const text = await within(heard, stepMs, () => `the members do not say ${word}`);
      lines.delete(word);
      return text;
    },
  };
}

/** That meshd also keeps the list of all VMs, and writes it down (agent/vms/directory.ts). */
async function untilListed(path: string, count: number): Promise<void> {
  const listed = async () => {
    const lists: unknown = JSON.parse(await readFile(path, 'utf8').catch(() => '[]'));
    return Array.isArray(lists) ? lists.length : 0;
  };
  const endAt = performance.now() + stepMs;
  while ((await listed()) < count) {
    if (performance.now() > endAt) throw new Error(`meshd lists the VMs of ${await listed()} members, not of ${count}`);
    await sleep(1_000);
  }
}

async function measure(
  report: Report,
  { rounds, members, vmsOfEach, signal }: VmsScaleOptions,
  { socket, pid, others }: { socket: string; pid: number; others: Members },
): Promise<void> {
  const all = (members - 1) * vmsOfEach;
  const idleMb = await residentMb(pid);
  const snapshots: number[] = [];
  const p50: number[] = [];
  const p95: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    const client = await openClient(socket);
    try {
      let rows: ReadonlyMap<string, VmRow> = new Map();
      const delays: number[] = [];
      const complete = Promise.withResolvers<undefined>();
      const begun = performance.now();
      const follow = async () => {
        for await (const message of client.watch({ Kinds: [vmKind.name] }, WatchMessage)) {
          const change = message.Kinds[vmKind.name] ?? { put: [], gone: [] };
          const nowMs = Number(process.hrtime.bigint()) / 1e6;
          if (rows.size < all) {
            rows = changedRows(vmKind, rows, change);
            if (rows.size >= all) complete.resolve(undefined);
          } else for (const { Reason } of change.put) if (Reason !== undefined) delays.push(nowMs - Number(Reason));
        }
      };
      follow().catch((error: unknown) => complete.reject(error));
      await within(complete.promise, stepMs, () => `the watcher has ${rows.size} of ${all} VMs`);
      snapshots.push(performance.now() - begun);
      others.child.write(`change ${changesPerSecond} ${changeSeconds}\n`);
      const changed = Number(await others.said('changed'));
      await sleep(2_000);
      if (delays.length < 0.9 * changed) throw new Error(`the watcher heard ${delays.length} of ${changed} changes`);
      p50.push(median(delays));
      p95.push(quantile(delays, 0.95));
      memory.push(await residentMb(pid));
    } finally {
      client.close();
    }
    // Its members' leases end, and its own rows go.
    await sleep(1_000);
  }
  report.figure('scale-snapshot', `from the request until the watcher has ${all} VMs`, {
    unit: 'ms',
    samples: snapshots,
    goal: { at: 'most', value: 3_000 },
  });
  const rate = `${changesPerSecond} changes a second`;
  report.figure('scale-change-p50', `a change until the watcher has it, p50, at ${rate}`, { unit: 'ms', samples: p50 });
  report.figure('scale-change-p95', 'the same, p95', { unit: 'ms', samples: p95, goal: { at: 'most', value: 150 } });
  report.figure('scale-memory-idle', 'that meshd before the first watcher', { unit: 'MB', samples: [idleMb] });
  report.figure('scale-memory', 'that meshd while it is watched', {
    unit: 'MB',
    samples: memory,
    goal: { at: 'most', value: 300 },
  });
}
