// VMs on a lab's node (docs/benchmarks.md): from a line typed to QEMUs that are there, beside a shell loop; what meshd and each VM take of memory; and
// how soon a watcher on another node has what QEMU says. The guests halt at once.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { vms as vmKind, type VmRow } from '../contract/cluster-kinds.ts';
import type { CommandClient } from '../contract/command-client.ts';
import { WatchMessage } from '../contract/watch-messages.ts';
import { changedRows } from '../core/rows.ts';
import { haltedMemoryMb, prepareHaltedVms, vmRows } from '../lab/halted-vms.ts';
import type { Lab } from '../lab/lab.ts';
import { observeNode } from '../lab/node-processes.ts';
import { residentMb } from './facts.ts';
import { openClient } from './meshd-view.ts';
import { monitorPath, monitorWords, openMonitor } from './qmp-monitor.ts';
import { median, type Report } from './report.ts';
import { interleave, within } from './rounds.ts';
import { quantile } from './console/quantile.ts';
import { ask, daemonSocket, node, other, withVmLab } from './vm-lab.ts';
import { measureLoop, type LoopOptions, type Pattern } from './vm-loop.ts';

const labName = 'bench-vms';
const bridge = 'mega_bridge';
const vlan = 100;
const running = 16;
const paused = 100;
const events = 100;

export interface VmsBenchOptions {
  readonly rounds: number;
  /** VMs beside which meshd's memory is read. */
  readonly count: number;
  readonly signal: AbortSignal;
}

export async function benchVms(report: Report, options: VmsBenchOptions): Promise<void> {
  report.heading('VMs on a node of a lab');
  if (process.getuid?.() !== 0) {
    report.missing('vms', 'a lab needs root');
    return;
  }
  await withVmLab(labName, async (lab) => {
    const client = await openClient(await lab.livePath(node, daemonSocket));
    try {
      const shell: Shell = (line) => ask(client, line);
      for (const line of await prepareHaltedVms(lab, node, { vlan })) await shell(line);
      const pattern = await makePattern(lab, shell);
      await benchLaunches(report, options, { lab, shell, pattern });
      await benchMemory(report, options, { lab, shell });
      await benchEvents(report, options, { lab, shell });
    } finally {
      client.close();
    }
  });
}

type Shell = (line: string) => Promise<unknown>;

async function removeAll(shell: Shell): Promise<void> {
  await shell('vm kill all');
  await shell('vm flush');
}

/** Also makes the bridge, and what is asked of QEMU once. */
async function makePattern(lab: Lab, shell: Shell): Promise<Pattern> {
  await shell('vm launch kvm pattern');
  const [row] = vmRows(await shell('vm info'));
  if (!row) throw new Error('there is no VM after a launch');
  const { stdout } = await lab.exec(node, ['cat', `/proc/${row['pid'] ?? ''}/cmdline`]);
  const pattern = {
    argv: stdout.split('\0').slice(0, -1),
    folder: `/var/lib/meshd/instances/${row['id'] ?? ''}`,
    tap: /mega_tap\d+/.exec(row['tap'] ?? '')?.[0] ?? '',
  };
  await removeAll(shell);
  return pattern;
}

async function benchLaunches(
  report: Report,
  options: VmsBenchOptions,
  { lab, shell, pattern }: { lab: Lab; shell: Shell; pattern: Pattern },
): Promise<void> {
  for (const { id, label, count, isPaused } of [
    { id: 'launch', label: `${running} VMs with a tap each, until all are RUNNING`, count: running, isPaused: false },
    { id: 'paused', label: `${paused} VMs with a tap each, paused`, count: paused, isPaused: true },
  ]) {
    const ours = async () => {
      const begun = performance.now();
      await shell(`vm launch kvm ${count}`);
      if (!isPaused) await shell('vm start all');
      const tookMs = performance.now() - begun;
      await expectAll(shell, count, isPaused ? 'BUILDING' : 'RUNNING');
      await removeAll(shell);
      return tookMs;
    };
    const loop = (how: LoopOptions['how'], hasScopes: boolean) => () =>
      measureLoop(lab, node, pattern, { bridge, vlan, count, how, isPaused, hasScopes });
    const sides = [
      { name: 'ours', measure: ours },
      { name: 'together', measure: loop('together', true) },
      { name: 'in turn', measure: loop('in turn', true) },
      { name: 'bare', measure: loop('together', false) },
    ];
    const times = await interleave(sides, options);
    const figure = (name: string, text: string) =>
      report.figure(`${id}-${name.replace(' ', '-')}`, `${label}: ${text}`, {
        unit: 'ms',
        samples: times.get(name) ?? [],
      });
    const own = figure('ours', '`vm launch`');
    const peers = [
      figure('together', 'a loop, a scope for each QEMU, all at once'),
      figure('in turn', 'a loop, a scope for each QEMU, one after the other'),
    ];
    figure('bare', 'a loop, no scopes, all at once');
    const faster = peers.reduce((best, peer) => (peer.median < best.median ? peer : best));
    // Rates are the inverse of times.
    report.ratio(`${id}-ratio`, `meshd's rate to that of the faster loop`, {
      of: faster,
      by: own,
      goal: { at: 'least', value: 0.85 },
    });
  }
}

async function expectAll(shell: Shell, count: number, state: string): Promise<void> {
  const rows = vmRows(await shell('vm info'));
  const wrong = rows.filter((row) => row['state'] !== state);
  if (rows.length === count && wrong.length === 0) return;
  throw new Error(`${rows.length} VMs, ${wrong.length} of them not ${state}, in place of ${count}`);
}

async function benchMemory(
  report: Report,
  { count, signal }: VmsBenchOptions,
  { lab, shell }: { lab: Lab; shell: Shell },
): Promise<void> {
  signal.throwIfAborted();
  const leader = Number((await lab.livePath(node, '/')).split('/')[2]);
  const processes = async (name: string) => (await observeNode(leader)).filter(({ argv }) => argv[0]?.includes(name));
  const daemonMb = async () => {
    const sizes = await Promise.all((await processes('meshd')).map(({ pid }) => residentMb(pid)));
    return Math.max(...sizes);
  };
  const before = await daemonMb();
  await shell(`vm launch kvm ${count}`);
  await expectAll(shell, count, 'BUILDING');
  report.figure('memory-meshd-before', 'meshd without VMs, after the launches above', {
    unit: 'MB',
    samples: [before],
  });
  report.figure('memory-meshd', `meshd with ${count} VMs`, { unit: 'MB', samples: [await daemonMb()] });
  const machines = await processes('qemu-system');
  const outside = await Promise.all(machines.slice(0, 20).map(({ pid }) => outsideMb(pid)));
  report.figure('memory-vm-resident', 'a VM outside its guest, with what QEMUs share', {
    unit: 'MB',
    samples: outside.map(({ residentMb: mb }) => mb),
  });
  report.figure('memory-vm', 'a VM outside its guest, its part of what QEMUs share', {
    unit: 'MB',
    samples: outside.map(({ ownMb }) => ownMb),
  });
  await removeAll(shell);
}

/** Memory of a QEMU but for its guest's, which is one mapping of exactly that size (proc(5), smaps). */
async function outsideMb(pid: number): Promise<{ residentMb: number; ownMb: number }> {
  const mappings = (await readFile(`/proc/${pid}/smaps`, 'utf8')).split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const sizeOf = (mapping: string, key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(mapping)?.[1]);
  const outside = mappings.filter((mapping) => sizeOf(mapping, 'Size') !== haltedMemoryMb * 1024);
  if (outside.length !== mappings.length - 1) throw new Error(`the guest's memory is not one mapping of QEMU ${pid}`);
  const sum = (key: string) => outside.reduce((total, mapping) => total + (sizeOf(mapping, key) || 0), 0) / 1024;
  return { residentMb: sum('Rss'), ownMb: sum('Pss') };
}

async function benchEvents(
  report: Report,
  { signal }: VmsBenchOptions,
  { lab, shell }: { lab: Lab; shell: Shell },
): Promise<void> {
  signal.throwIfAborted();
  const lines = await prepareHaltedVms(lab, node, { vlan: null, append: monitorWords });
  for (const line of ['clear vm config', ...lines, 'vm launch kvm watched', 'vm start watched']) await shell(line);
  const watcher = await openClient(await lab.livePath(other, daemonSocket));
  try {
    const seen = new StateWatch(watcher, 'watched');
    await seen.until('RUNNING');
    const delays: number[] = [];
    const qemu = await openMonitor(await lab.livePath(node, monitorPath));
    for (let index = 0; index < events; index += 1) {
      signal.throwIfAborted();
      const state = index % 2 === 0 ? 'PAUSED' : 'RUNNING';
      const shown = seen.until(state);
      const atMs = await qemu.cause(state === 'PAUSED' ? 'stop' : 'cont', state === 'PAUSED' ? 'STOP' : 'RESUME');
      delays.push((await shown) - atMs);
      // No two at the same phase of what is coalesced on the way.
      await sleep(60 + 97 * ((index * 0.618) % 1));
    }
    qemu.close();
    report.figure('events-p50', `an event of QEMU until a watcher on another node has it, p50 of ${events}`, {
      unit: 'ms',
      samples: [median(delays)],
    });
    report.figure('events-p95', 'the same, p95', {
      unit: 'ms',
      samples: [quantile(delays, 0.95)],
      goal: { at: 'most', value: 100 },
    });
  } finally {
    watcher.close();
    await removeAll(shell);
  }
}

/** The state of one VM, as a watcher hears it. */
class StateWatch {
  private rows: ReadonlyMap<string, VmRow> = new Map();
  private readonly name: string;
  private waiting: { readonly state: string; resolve(atMs: number): void } | null = null;

  constructor(client: CommandClient, name: string) {
    this.name = name;
    // It ends with the client.
    this.follow(client).catch(() => undefined);
  }

  /** When it was heard (ms since 1970): the next time, or now if it is so already. */
  until(state: string): Promise<number> {
    const heard = new Promise<number>((resolve) => {
      this.waiting = { state, resolve };
    });
    this.look();
    return within(heard, 60_000, () => `the watcher does not see ${this.name} ${state}`);
  }

  private look(): void {
    const { waiting } = this;
    const row = [...this.rows.values()].find(({ Name }) => Name === this.name);
    if (!waiting || row?.State !== waiting.state) return;
    this.waiting = null;
    waiting.resolve(performance.timeOrigin + performance.now());
  }

  private async follow(client: CommandClient): Promise<void> {
    for await (const message of client.watch({ Kinds: [vmKind.name] }, WatchMessage)) {
      this.rows = changedRows(vmKind, this.rows, message.Kinds[vmKind.name] ?? { put: [], gone: [] });
      this.look();
    }
  }
}
