// What a reader's browser does with the mesh: how soon the picture is there and stands still, what scripts cost while it
// changes, how smooth it is, what it weighs, and whether it grows.
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Report } from '../report.ts';
import { countFrames, longTasksOf, openPage, probe, traceFrames, untilMark, type OpenPage } from './page.ts';
import { quantile } from './quantile.ts';
import type { RunningConsole } from './running-console.ts';

export interface PageOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly soakSeconds: number;
  readonly signal: AbortSignal;
}

/** Marks of components/topology/marks.ts. */
export const drawnMark = 'mesh drawn';
const liveMark = 'mesh live';
const settledMark = 'mesh settled';
const views = ['picture', 'both'] as const;
const sampleEveryMs = 10_000;
/** A page that lives for 24 hours may grow by as much as it weighs. */
const mostGrowth = 0.05;

export async function measurePages(report: Report, console: RunningConsole, options: PageOptions): Promise<void> {
  await reportWeight(report, console);
  for (const view of views) await reportView(report, console, { view, ...options });
  if (options.soakSeconds > 0) await reportGrowth(report, console, options);
}

async function reportView(
  report: Report,
  console: RunningConsole,
  { view, rounds, seconds, signal }: PageOptions & { view: (typeof views)[number] },
): Promise<void> {
  const samples = {
    drawn: [] as number[],
    live: [] as number[],
    settled: [] as number[],
    script: [] as number[],
    scriptMost: [] as number[],
    scriptPerSecond: [] as number[],
    main: [] as number[],
    task: [] as number[],
    long: [] as number[],
    frame: [] as number[],
    frameP95: [] as number[],
    frameMost: [] as number[],
  };
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    // A new profile each time: nothing is cached, and no position of a node is known.
    const open = await openPage(console.url, console.cookie, probe);
    try {
      await open.page.goto(`${console.url}/mesh?view=${view}`);
      samples.drawn.push(await untilMark(open.page, drawnMark));
      samples.live.push(await untilMark(open.page, liveMark));
      samples.settled.push(await untilMark(open.page, settledMark));
      await sleep(2_000, undefined, { signal });
      const before = (await longTasksOf(open.page)).length;
      const work = await traceFrames(open, seconds * 1000);
      samples.script.push(quantile(work.scriptMs, 0.95));
      samples.scriptMost.push(quantile(work.scriptMs, 1));
      samples.scriptPerSecond.push(work.scriptMs.reduce((sum, ms) => sum + ms, 0) / seconds);
      samples.main.push(quantile(work.mainMs, 0.95));
      samples.task.push(work.longestTaskMs);
      samples.long.push((await longTasksOf(open.page)).length - before);
      const frames = await countFrames(open.page, seconds * 1000);
      samples.frame.push(quantile(frames, 0.5));
      samples.frameP95.push(quantile(frames, 0.95));
      samples.frameMost.push(quantile(frames, 1));
    } finally {
      await open.close();
    }
  }
  const figure = (key: keyof typeof samples, label: string, most?: number) =>
    report.figure(`page.${view}.${key}`, `${view}: ${label}`, {
      unit: key === 'long' ? '' : 'ms',
      samples: samples[key],
      ...(most === undefined ? {} : { goal: { at: 'most', value: most } as const }),
    });
  figure('drawn', 'from the navigation until the first picture');
  figure('live', 'until it is drawn by WebGL');
  figure('settled', 'until its layout stands');
  figure('script', 'script per frame, p95, processor time', 8);
  figure('scriptMost', 'script per frame, most');
  figure('scriptPerSecond', 'script in a second', 40);
  figure('main', 'all of the main thread per frame, p95');
  figure('task', 'longest task of the main thread, processor time', 50);
  figure('long', `tasks over 50 ms by the clock in ${seconds} s`);
  figure('frame', 'from frame to frame, p50');
  figure('frameP95', 'from frame to frame, p95');
  figure('frameMost', 'from frame to frame, most');
}

/** Scripts of each route when it is the first, and then what routes add to each other in one browser; compressed. */
export async function reportWeight(report: Report, console: RunningConsole): Promise<void> {
  for (const route of routes) {
    const scripts = await Scripts.watch(console);
    try {
      await scripts.load(route);
      report.figure(`page.first.${route}`, `scripts of /${route} as the first route, gzip`, {
        unit: 'kB',
        samples: [await scripts.kilobytes()],
        goal: { at: 'most', value: firstRouteKb + (heavyRoutes.has(route) ? heavyRouteKb : 0) },
      });
    } finally {
      await scripts.close();
    }
  }
  const scripts = await Scripts.watch(console);
  try {
    await scripts.load('');
    for (const route of ['nodes', 'mesh', 'terminal', 'deploy']) {
      const before = await scripts.kilobytes();
      await scripts.load(route);
      report.figure(`page.weight.${route}`, `scripts that /${route} adds, gzip`, {
        unit: 'kB',
        samples: [(await scripts.kilobytes()) - before],
        goal: { at: 'most', value: heavyRouteKb },
      });
    }
  } finally {
    await scripts.close();
  }
}

const routes = ['', 'nodes', 'mesh', 'runs', 'terminal', 'settings', 'deploy', 'add-nodes', 'bridge', 'login'];
/** Each of them loads a large library. */
const heavyRoutes: ReadonlySet<string> = new Set(['mesh', 'terminal']);
const firstRouteKb = 250;
const heavyRouteKb = 80;

/** All scripts that one browser was sent. */
class Scripts {
  private readonly seen = new Map<string, Promise<number>>();
  private readonly url: string;
  private readonly open: OpenPage;

  private constructor(url: string, open: OpenPage) {
    this.url = url;
    this.open = open;
    open.page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (!pathname.endsWith('.js') || this.seen.has(pathname)) return;
      this.seen.set(
        pathname,
        response.body().then(
          (body) => gzipSync(body).length / 1000,
          () => 0,
        ),
      );
    });
  }

  static async watch(console: RunningConsole): Promise<Scripts> {
    return new Scripts(console.url, await openPage(console.url, console.cookie, probe));
  }

  /** With what Next fetches ahead. */
  async load(route: string): Promise<void> {
    const { page } = this.open;
    await page.goto(`${this.url}/${route}`, { waitUntil: 'networkidle' });
    // On a busy machine the network is idle before a page asks for its library.
    if (route === 'mesh') await untilMark(page, drawnMark);
    if (route === 'terminal') await page.locator('.xterm-screen').waitFor();
    await sleep(1_000);
  }

  async kilobytes(): Promise<number> {
    return (await Promise.all(this.seen.values())).reduce((sum, kilobytes) => sum + kilobytes, 0);
  }

  close(): Promise<void> {
    return this.open.close();
  }
}

async function reportGrowth(report: Report, console: RunningConsole, options: PageOptions): Promise<void> {
  const open = await openPage(console.url, console.cookie, probe);
  try {
    await open.page.goto(`${console.url}/mesh?view=both`);
    await untilMark(open.page, settledMark);
    const samples: { minutes: number; megabytes: number }[] = [];
    const startedAt = performance.now();
    while (performance.now() - startedAt < options.soakSeconds * 1000) {
      await sleep(sampleEveryMs, undefined, { signal: options.signal });
      samples.push({ minutes: (performance.now() - startedAt) / 60_000, megabytes: await heapMb(open) });
    }
    report.figure('page.heap', 'memory of the page after a collection', {
      unit: 'MB',
      samples: samples.map(({ megabytes }) => megabytes),
    });
    // Its caches fill in the first half.
    const slope = slopeOf(samples.slice(Math.floor(samples.length / 2)));
    report.figure('page.growth', `its growth, a minute, over the second half of ${options.soakSeconds} s`, {
      unit: 'MB',
      samples: [slope],
      goal: {
        at: 'most',
        value:
          mostGrowth *
          quantile(
            samples.map(({ megabytes }) => megabytes),
            0.5,
          ),
      },
    });
  } finally {
    await open.close();
  }
}

async function heapMb({ devtools }: OpenPage): Promise<number> {
  await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  return usedSize / 1e6;
}

/** Of the line nearest to all points, by least squares. */
function slopeOf(points: readonly { minutes: number; megabytes: number }[]): number {
  const mean = (pick: (point: (typeof points)[number]) => number) =>
    points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [x, y] = [mean(({ minutes }) => minutes), mean(({ megabytes }) => megabytes)];
  const above = points.reduce((sum, point) => sum + (point.minutes - x) * (point.megabytes - y), 0);
  return above / points.reduce((sum, point) => sum + (point.minutes - x) ** 2, 0);
}
