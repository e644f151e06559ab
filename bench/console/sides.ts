// The three ways by which clients see the mesh, each measured over the same time on the same changes: the server's processor
// time and memory, bytes to a client, and how old a change is when it arrives.
import { setTimeout as sleep } from 'node:timers/promises';
import { io } from 'socket.io-client';
import type { RowChanges } from '../../contract/kinds.ts';
import { startChild } from '../../host/child.ts';
import { processorMs, residentMb } from '../facts.ts';
import { within } from '../rounds.ts';
import { startConsole } from './running-console.ts';
import { bytesRead, HeadlessPages, type ChangeClock } from './headless-pages.ts';

export interface SideOptions {
  readonly socketPath: string;
  readonly clock: ChangeClock;
  readonly clients: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

export interface SideFigures {
  readonly cpuPercent: number;
  readonly memoryMb: number;
  /** To one client. */
  readonly bytesPerSecond: number;
  readonly latenciesMs: readonly number[];
}

/** Connections are made and code is compiled before anything is measured. */
const warmUpMs = 3_000;
const pollEveryMs = 5_000;
const startTimeoutMs = 20_000;
const plainProgram = new URL('../peers/plain-broadcast.ts', import.meta.url).pathname;

interface Counted {
  begin(): void;
  end(): { bytes: number; latenciesMs: readonly number[] };
}

async function measure(pid: number, { seconds, signal }: SideOptions, counted: Counted): Promise<SideFigures> {
  await sleep(warmUpMs, undefined, { signal });
  const startedAt = performance.now();
  const cpuBefore = await processorMs(pid);
  counted.begin();
  await sleep(seconds * 1000, undefined, { signal });
  const { bytes, latenciesMs } = counted.end();
  const tookMs = performance.now() - startedAt;
  const cpuPercent = (100 * ((await processorMs(pid)) - cpuBefore)) / tookMs;
  return { cpuPercent, memoryMb: await residentMb(pid), bytesPerSecond: (1000 * bytes) / tookMs, latenciesMs };
}

/** The console: one login, deltas ten times a second. */
export async function throughConsole(options: SideOptions): Promise<SideFigures> {
  const console = await startConsole(options.socketPath);
  const watchers = new HeadlessPages(options.clock);
  try {
    await watchers.connect(console.url, console.cookie, options.clients);
    return await measure(console.pid, options, { begin: () => watchers.begin(), end: () => watchers.report() });
  } finally {
    watchers.close();
    await console.stop();
  }
}

async function startPlain(socketPath: string): Promise<{ pid: number; url: string; stop: () => Promise<unknown> }> {
  const isUp = Promise.withResolvers<string>();
  const child = await startChild([process.execPath, plainProgram, socketPath], {
    diesWithParent: true,
    onLine: (line) => {
      if (line.startsWith('listening ')) isUp.resolve(line.slice('listening '.length));
    },
  });
  void child.ended.then(() => isUp.reject(new Error('plain-broadcast ended')));
  return {
    pid: child.pid,
    url: await within(isUp.promise, startTimeoutMs, () => 'no address'),
    stop: () => child.stop(),
  };
}

/** Each message of the mesh at once, to all. */
export async function plainBroadcast(options: SideOptions): Promise<SideFigures> {
  const plain = await startPlain(options.socketPath);
  let latenciesMs: number[] = [];
  const sockets = Array.from({ length: options.clients }, () =>
    io(plain.url, { transports: ['websocket'], forceNew: true, reconnection: false }).on(
      'delta',
      (change: RowChanges) => latenciesMs.push(...options.clock.agesOf(change, performance.now())),
    ),
  );
  let before = 0;
  const bytesNow = () => sockets.reduce((sum, socket) => sum + bytesRead(socket), 0);
  try {
    return await measure(plain.pid, options, {
      begin() {
        latenciesMs = [];
        before = bytesNow();
      },
      end: () => ({ bytes: (bytesNow() - before) / sockets.length, latenciesMs }),
    });
  } finally {
    for (const socket of sockets) socket.disconnect();
    await plain.stop();
  }
}

/** Each client asks for all of it every five seconds, one after the other. */
export async function polling(options: SideOptions): Promise<SideFigures> {
  const plain = await startPlain(options.socketPath);
  let bytes = 0;
  let latenciesMs: number[] = [];
  const abort = new AbortController();
  const poll = async (client: number) => {
    let askedAt = performance.now();
    await sleep((client / options.clients) * pollEveryMs, undefined, { signal: abort.signal });
    for (;;) {
      const since = askedAt;
      askedAt = performance.now();
      const answer = await fetch(`${plain.url}/snapshot`, { signal: abort.signal });
      bytes += (await answer.arrayBuffer()).byteLength;
      const now = performance.now();
      latenciesMs.push(...options.clock.madeBetween(since, askedAt).map((at) => now - at));
      await sleep(Math.max(0, askedAt + pollEveryMs - now), undefined, { signal: abort.signal });
    }
  };
  const clients = Array.from({ length: options.clients }, (_, client) => poll(client));
  const ended = Promise.allSettled(clients);
  try {
    return await measure(plain.pid, options, {
      begin() {
        [bytes, latenciesMs] = [0, []];
      },
      end: () => ({ bytes: bytes / options.clients, latenciesMs }),
    });
  } finally {
    abort.abort();
    await ended;
    await plain.stop();
  }
}
