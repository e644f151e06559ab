// 10,000 VMs on 300 VLANs over 200 nodes, with 50 changes a second, on the pages that show them: how soon they are there beside a page with
// nothing on it, what scripts cost while the rows change, and what the server needs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb } from '../facts.ts';
import type { Report } from '../report.ts';
import { openPage, probe, traceFrames, untilShown } from './page.ts';
import { quantile } from './quantile.ts';
import { startConsole, type RunningConsole } from './running-console.ts';
import { startSimulatedMesh } from './simulated-mesh.ts';

export interface CrowdOptions {
  readonly rounds: number;
  readonly nodes: number;
  readonly vms: number;
  readonly vlans: number;
  readonly changes: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** `shown`: a selector of what is there once the page has its rows. */
const pages = [
  { path: '/vms', shown: 'main [role="row"] [role="gridcell"], main tbody tr' },
  { path: '/vlans', shown: 'main [role="row"] [role="gridcell"], main tbody tr' },
  { path: '/mesh?view=picture', shown: 'main canvas' },
] as const;
/** A page with a form and no rows: what any page costs. */
const emptyPage = { path: '/login', shown: 'form input' };
const settleMs = 3_000;

export async function benchCrowd(report: Report, options: CrowdOptions): Promise<void> {
  const { nodes, vms, vlans, changes } = options;
  report.heading(`Pages with ${vms} VMs, ${vlans} VLANs, ${nodes} nodes, ${changes} changes a second`);
  const folder = await mkdtemp(join(tmpdir(), 'bench-crowd-'));
  const socketPath = join(folder, 'meshd');
  const mesh = await startSimulatedMesh(socketPath, {
    nodes,
    changesPerSecond: changes,
    areFactsLive: false,
    crowd: { vms, vlans },
  });
  try {
    mesh.run();
    const console = await startConsole(socketPath);
    try {
      await measure(report, console, options);
    } finally {
      await console.stop();
    }
  } finally {
    await mesh.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(report: Report, console: RunningConsole, { rounds, seconds, signal }: CrowdOptions) {
  const empty: number[] = [];
  const first = new Map<string, number[]>(pages.map(({ path }) => [path, []]));
  const perSecond = new Map<string, number[]>(pages.map(({ path }) => [path, []]));
  const longest = new Map<string, number[]>(pages.map(({ path }) => [path, []]));
  const memory: number[] = [];
  // The first page of all makes the server load what it renders with.
  await firstView(console, { ...emptyPage, cookie: '' });
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    empty.push(await firstView(console, { ...emptyPage, cookie: '' }));
    for (const { path, shown } of pages) {
      signal.throwIfAborted();
      const open = await openPage(console.url, console.cookie, probe);
      try {
        await open.page.goto(console.url + path, { waitUntil: 'commit' });
        first.get(path)?.push(await untilShown(open.page, shown));
        await sleep(settleMs, undefined, { signal });
        const work = await traceFrames(open, seconds * 1_000);
        perSecond.get(path)?.push(work.scriptMs.reduce((sum, ms) => sum + ms, 0) / seconds);
        longest.get(path)?.push(work.longestTaskMs);
      } finally {
        await open.close();
      }
      memory.push(await residentMb(console.pid));
    }
  }
  const base = report.figure('crowd.empty', 'login page: from the navigation until its form', {
    unit: 'ms',
    samples: empty,
  });
  for (const { path } of pages) {
    const id = `crowd.${path.replace(/^\/|\?.*$/g, '')}`;
    const view = report.figure(`${id}.first`, `${path}: from the navigation until its rows`, {
      unit: 'ms',
      samples: first.get(path) ?? [],
    });
    report.ratio(`${id}.first-ratio`, 'the same to the login page', {
      of: view,
      by: base,
      goal: { at: 'most', value: 3 },
    });
    report.figure(`${id}.script`, `${path}: script in a second`, {
      unit: 'ms',
      samples: perSecond.get(path) ?? [],
      goal: { at: 'most', value: 40 },
    });
    report.figure(`${id}.task`, `${path}: longest task of the main thread, processor time`, {
      unit: 'ms',
      samples: longest.get(path) ?? [],
      goal: { at: 'most', value: 50 },
    });
  }
  report.figure('crowd.server', 'resident memory of the server', {
    unit: 'MB',
    samples: [quantile(memory, 1)],
    goal: { at: 'most', value: 600 },
  });
}

async function firstView(
  console: RunningConsole,
  { path, shown, cookie }: { path: string; shown: string; cookie: string },
): Promise<number> {
  const open = await openPage(console.url, cookie, probe);
  try {
    await open.page.goto(console.url + path, { waitUntil: 'commit' });
    return await untilShown(open.page, shown);
  } finally {
    await open.close();
  }
}
