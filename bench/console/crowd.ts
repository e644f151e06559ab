// 10,000 VMs on 300 VLANs over 200 nodes, with 50 changes a second, on the pages that show them: how soon they are there beside a page of
// Next with nothing on it, what scripts cost while the rows change, and what the server needs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb } from '../facts.ts';
import type { Report } from '../report.ts';
import { startEmptyPage, type EmptyPage } from './empty-page.ts';
import { drawnMark } from './page-figures.ts';
import { openPage, probe, traceFrames, untilMark, untilShown, type OpenPage } from './page.ts';
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

/** `shown`: a selector of what is there once the page has its rows. `mark`: what it sets when a frame with these was drawn. */
const pages = [
  { path: '/vms', shown: 'main [role="row"] [role="gridcell"], main tbody tr' },
  { path: '/vlans', shown: 'main [role="row"] [role="gridcell"], main tbody tr' },
  { path: '/mesh?view=picture', shown: 'main canvas', mark: drawnMark },
] as const;
type Page = { readonly path: string; readonly shown: string; readonly mark?: string };
/** One line from the server, and one that the page's own script adds. */
const emptyPage = { path: '/', shown: 'main p' };
const emptyLive = { path: '/', shown: '#live' };
/** The console's own page without rows. */
const loginPage = { path: '/login', shown: 'form input' };
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
    const empty = await startEmptyPage();
    try {
      await measure(report, { console, empty }, options);
    } finally {
      await Promise.all([console.stop(), empty.stop()]);
    }
  } finally {
    await mesh.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(
  report: Report,
  { console, empty }: { console: RunningConsole; empty: EmptyPage },
  { rounds, seconds, signal }: CrowdOptions,
) {
  const bases = { empty: [] as number[], live: [] as number[], login: [] as number[] };
  const stranger = { url: console.url, cookie: '' };
  const first = new Map<string, number[]>(pages.map(({ path }) => [path, []]));
  const perSecond = new Map<string, number[]>(pages.map(({ path }) => [path, []]));
  const longest = new Map<string, number[]>(pages.map(({ path }) => [path, []]));
  const memory: number[] = [];
  // The first page of all makes a server load what it renders with.
  await firstView(stranger, loginPage);
  await firstView({ url: empty.url, cookie: '' }, emptyPage);
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    bases.empty.push(await firstView({ url: empty.url, cookie: '' }, emptyPage));
    bases.live.push(await firstView({ url: empty.url, cookie: '' }, emptyLive));
    bases.login.push(await firstView(stranger, loginPage));
    for (const page of pages) {
      const { path } = page;
      signal.throwIfAborted();
      const open = await openPage(console.url, console.cookie, probe);
      try {
        await open.page.goto(console.url + path, { waitUntil: 'commit' });
        first.get(path)?.push(await untilSeen(open, page));
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
  const base = report.figure('crowd.empty', 'empty page of Next: from the navigation until its line', {
    unit: 'ms',
    samples: bases.empty,
  });
  const live = report.figure('crowd.empty.live', 'the same until the line of its script', {
    unit: 'ms',
    samples: bases.live,
  });
  const login = report.figure('crowd.login', 'login page: until its form', { unit: 'ms', samples: bases.login });
  for (const { path } of pages) {
    const id = `crowd.${path.replace(/^\/|\?.*$/g, '')}`;
    const view = report.figure(`${id}.first`, `${path}: from the navigation until its rows`, {
      unit: 'ms',
      samples: first.get(path) ?? [],
    });
    const goal = { at: 'most', value: 3 } as const;
    report.ratio(`${id}.first-ratio`, 'the same to the empty page with its script', { of: view, by: live, goal });
    report.ratio(`${id}.first-ratio-line`, 'the same to the empty page without', { of: view, by: base });
    report.ratio(`${id}.first-ratio-login`, 'the same to the login page', { of: view, by: login });
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

async function firstView({ url, cookie }: { url: string; cookie: string }, page: Page): Promise<number> {
  const open = await openPage(url, cookie, probe);
  try {
    await open.page.goto(url + page.path, { waitUntil: 'commit' });
    return await untilSeen(open, page);
  } finally {
    await open.close();
  }
}

const untilSeen = ({ page }: OpenPage, { shown, mark }: Page): Promise<number> =>
  mark === undefined ? untilShown(page, shown) : untilMark(page, mark);
