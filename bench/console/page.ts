// The console in a real Chromium, measured through its DevTools protocol: script time per frame from a trace, frame times,
// long tasks and marks from the page itself. Without a GPU the picture is drawn by SwiftShader on the same cores, so that
// frame times say little about a machine with one; script time is ours.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type CDPSession, type Page } from 'playwright-core';
import { within } from '../rounds.ts';

export const chromiumPath = '/usr/bin/chromium';
const flags = [
  '--no-sandbox',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const pageTimeoutMs = 60_000;

export interface OpenPage {
  readonly page: Page;
  readonly devtools: CDPSession;
  close(): Promise<void>;
}

/** A new browser, logged in by `cookie` (in the form of a Cookie header). */
export async function openPage(url: string, cookie: string, script?: string): Promise<OpenPage> {
  const profile = await mkdtemp(join(tmpdir(), 'bench-chromium-'));
  let browser: Browser | null = null;
  const close = async () => {
    await browser?.close();
    await rm(profile, { recursive: true, force: true });
  };
  try {
    browser = await chromium.launch({ executablePath: chromiumPath, args: flags });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const cookies = cookie.split('; ').map((pair) => {
      const at = pair.indexOf('=');
      return { name: pair.slice(0, at), value: pair.slice(at + 1), url };
    });
    await context.addCookies(cookies.filter(({ name }) => name !== ''));
    const page = await context.newPage();
    page.setDefaultTimeout(pageTimeoutMs);
    if (script !== undefined) await page.addInitScript({ content: script });
    const devtools = await context.newCDPSession(page);
    return { page, devtools, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs before the page's own scripts: notes long tasks and, once asked to, each frame, or when a node's row of the table shows a text. */
export const probe = `
  globalThis.bench = { longTasks: [], frames: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) bench.longTasks.push({ at: entry.startTime, ms: entry.duration });
  }).observe({ type: 'longtask', buffered: true });
  bench.countFrames = (ms) => new Promise((resolve) => {
    const frames = [];
    const from = performance.now();
    let last = from;
    const next = () => {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      if (now - from < ms) requestAnimationFrame(next);
      else resolve(frames.slice(1));
    };
    requestAnimationFrame(next);
  });
  bench.untilMark = (name) => new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const mark = list.getEntriesByName(name)[0];
      if (mark) resolve(mark.startTime);
    }).observe({ type: 'mark', buffered: true });
  });
  bench.untilShown = (selector) => new Promise((resolve) => {
    // In the frame that has drawn it.
    const drawn = () => requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
    if (document.querySelector(selector)) return drawn();
    const observer = new MutationObserver(() => {
      if (!document.querySelector(selector)) return;
      observer.disconnect();
      drawn();
    });
    observer.observe(document, { subtree: true, childList: true });
  });
  bench.whenShown = (isShown) => {
    bench.seen = new Promise((resolve) => {
      // The frame of the change is drawn when the task after its animation frame runs.
      const now = () => performance.timeOrigin + performance.now();
      const drawn = () => requestAnimationFrame(() => setTimeout(() => resolve(now())));
      if (isShown()) return drawn();
      const observer = new MutationObserver(() => {
        if (!isShown()) return;
        observer.disconnect();
        drawn();
      });
      observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    });
  };
  bench.lookOut = (name, text) => bench.whenShown(() => {
    const links = [...document.querySelectorAll('tbody tr a')];
    const row = links.find((link) => link.textContent.trim().split(" ")[0] === name)?.closest('tr');
    return row !== undefined && row.textContent.includes(text);
  });
  bench.lookOutFor = (selector) => bench.whenShown(() => document.querySelector(selector) !== null);
`;

export interface LongTask {
  /** ms since the navigation. */
  readonly at: number;
  readonly ms: number;
}

export const longTasksOf = (page: Page) => page.evaluate<LongTask[]>('bench.longTasks');
export const countFrames = (page: Page, ms: number) => page.evaluate<number[]>(`bench.countFrames(${ms})`);
/** When the page marked `name`, ms since the navigation. */
export const untilMark = (page: Page, name: string) =>
  within(page.evaluate<number>(`bench.untilMark(${JSON.stringify(name)})`), pageTimeoutMs, () => `no mark ${name}`);

/** When the page had drawn what this selector finds, ms since the navigation. */
export const untilShown = (page: Page, selector: string) =>
  within(
    page.evaluate<number>(`bench.untilShown(${JSON.stringify(selector)})`),
    pageTimeoutMs,
    () => `${selector} is not there`,
  );

interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur?: number;
  /** Microseconds that its thread ran: what other processes of a busy machine take is not in it. */
  readonly tdur?: number;
  readonly args: Readonly<Record<string, unknown>>;
}

export interface FrameWork {
  /** Of each frame, ms of processor time: of scripts, and of all that the main thread did, style, layout and paint included. */
  readonly scriptMs: readonly number[];
  readonly mainMs: readonly number[];
  readonly longestTaskMs: number;
}

/** Traces for `ms` and adds up the main thread's work between the beginnings of its frames. */
export async function traceFrames({ devtools }: OpenPage, ms: number): Promise<FrameWork> {
  const done = new Promise<string>((resolve) => {
    devtools.once('Tracing.tracingComplete', (event) => resolve(event.stream ?? ''));
  });
  await devtools.send('Tracing.start', {
    transferMode: 'ReturnAsStream',
    traceConfig: {
      includedCategories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8', '__metadata'],
    },
  });
  await new Promise((resolve) => setTimeout(resolve, ms));
  await devtools.send('Tracing.end');
  const handle = await done;
  let text = '';
  for (;;) {
    const part = await devtools.send('IO.read', { handle });
    text += part.base64Encoded === true ? Buffer.from(part.data, 'base64').toString() : part.data;
    if (part.eof) break;
  }
  await devtools.send('IO.close', { handle });
  return frameWork((JSON.parse(text) as { traceEvents: TraceEvent[] }).traceEvents);
}

/** Events that are script, each with all that it calls. */
const scriptNames = new Set([
  'FunctionCall',
  'EvaluateScript',
  'FireAnimationFrame',
  'TimerFire',
  'EventDispatch',
  'RunMicrotasks',
  'v8.callFunction',
]);

export function frameWork(events: readonly TraceEvent[]): FrameWork {
  // The page's renderer is the one that begins the most frames.
  const begins = events.filter(({ name, ph }) => name === 'AnimationFrame' && ph === 'b');
  const threads = new Map<string, number>();
  for (const { pid, tid } of begins) threads.set(`${pid} ${tid}`, (threads.get(`${pid} ${tid}`) ?? 0) + 1);
  const main = [...threads].sort((a, b) => b[1] - a[1])[0]?.[0];
  const own = events.filter(({ pid, tid, ph }) => `${pid} ${tid}` === main && ph === 'X');
  const starts = begins
    .filter(({ pid, tid }) => `${pid} ${tid}` === main)
    .map(({ ts }) => ts)
    .sort((a, b) => a - b);
  const perFrame = (wanted: (event: TraceEvent) => boolean): number[] => {
    const sums = starts.map(() => 0);
    // Outermost ones only: what they call is in their time.
    let endsAt = -Infinity;
    let frame = 0;
    for (const event of own.filter(wanted).sort((a, b) => a.ts - b.ts)) {
      if (event.ts < endsAt) continue;
      endsAt = event.ts + (event.dur ?? 0);
      while (frame + 1 < starts.length && (starts[frame + 1] ?? Infinity) <= event.ts) frame += 1;
      // What came before the first frame belongs to none that is whole.
      if (event.ts >= (starts[0] ?? Infinity)) sums[frame] = (sums[frame] ?? 0) + (event.tdur ?? 0) / 1000;
    }
    return sums;
  };
  return {
    scriptMs: perFrame(({ name }) => scriptNames.has(name)),
    mainMs: perFrame(({ name }) => name === 'RunTask'),
    longestTaskMs: own.reduce(
      (most, { name, tdur = 0 }) => (name === 'RunTask' ? Math.max(most, tdur / 1000) : most),
      0,
    ),
  };
}
