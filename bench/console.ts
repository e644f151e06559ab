// `npm run bench -- console`: a mesh of 1,000 nodes with 50 changes a second, shown by the real server to 20 socket.io
// clients and to one real Chromium. Beside it, in the same run and on the same mesh: a program that passes each message on
// as it comes, and pages that ask for all of it every five seconds.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { availableParallelism, loadavg } from 'node:os';
import { describeError } from '../contract/errors.ts';
import { measurePages } from './console/page-figures.ts';
import { quantile } from './console/quantile.ts';
import { startConsole } from './console/running-console.ts';
import { plainBroadcast, polling, throughConsole, type SideFigures } from './console/sides.ts';
import { startSimulatedMesh } from './console/simulated-mesh.ts';
import { ChangeClock } from './console/headless-pages.ts';
import { describeNumber, type Figure, type Report } from './report.ts';
import { interleave } from './rounds.ts';

export interface ConsoleBenchOptions {
  readonly rounds: number;
  readonly nodes: number;
  readonly changes: number;
  readonly clients: number;
  readonly seconds: number;
  /** How long the page is followed for its memory; 0: not at all. */
  readonly soakSeconds: number;
  readonly signal: AbortSignal;
}

export async function benchConsole(report: Report, options: ConsoleBenchOptions): Promise<void> {
  const { nodes, changes, clients, rounds, seconds, signal } = options;
  const folder = await mkdtemp(join(tmpdir(), 'bench-mesh-'));
  const socketPath = join(folder, 'meshd');
  const clock = new ChangeClock();
  const mesh = await startSimulatedMesh(socketPath, {
    nodes,
    changesPerSecond: changes,
    areFactsLive: false,
    onChange: (change, atMs) => clock.note(change, atMs),
  });
  try {
    mesh.run();
    report.heading(`Console: ${nodes} nodes, ${changes} changes a second, ${clients} clients`);
    const parts = { socketPath, clock, clients, seconds, signal };
    const results = await interleave(
      [
        { name: 'ours', measure: () => throughConsole(parts) },
        { name: 'as it comes', measure: () => plainBroadcast(parts) },
        { name: 'polling', measure: () => polling(parts) },
      ],
      { rounds, signal, onStep: (name, round) => report.note(`round ${round} of ${rounds}: ${name}`) },
    );
    const [ours, plain, polled] = ['ours', 'as it comes', 'polling'].map((name) =>
      reportSide(report, name, results.get(name) ?? []),
    );
    for (const key of ['cpu', 'bytes', 'p50'] as const) {
      report.ratio(`console.${key}-of-plain`, `${labels[key]}, of as it comes`, { of: ours?.[key], by: plain?.[key] });
      report.ratio(`console.${key}-of-polling`, `${labels[key]}, of polling`, { of: ours?.[key], by: polled?.[key] });
    }
    mesh.setRate({ changesPerSecond: changes, areFactsLive: true });
    reportSide(report, 'with live facts', [await throughConsole(parts)]);
    mesh.setRate({ changesPerSecond: changes, areFactsLive: false });
    const console = await startConsole(socketPath);
    try {
      report.heading(
        `Chromium, WebGL in software, load ${loadavg().map(describeNumber).join(' ')} on ${availableParallelism()} cores`,
      );
      await measurePages(report, console, options);
    } catch (error) {
      report.missing('page', describeError(error));
    } finally {
      await console.stop();
    }
  } finally {
    await mesh.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const labels = {
  cpu: 'processor time of the server',
  memory: 'its resident memory',
  bytes: 'bytes to each client',
  p50: 'change until client, p50',
  p95: 'change until client, p95',
  p99: 'change until client, p99',
};

function reportSide(report: Report, name: string, rounds: readonly SideFigures[]): Record<keyof typeof labels, Figure> {
  const id = `console.${name.replaceAll(' ', '-')}`;
  const samples = (pick: (round: SideFigures) => number) => rounds.map(pick);
  const isOurs = name === 'ours';
  const figure = (key: keyof typeof labels, unit: Figure['unit'], values: number[], goal?: Figure['goal']) =>
    report.figure(`${id}.${key}`, `${name}: ${labels[key]}`, {
      unit,
      samples: values,
      ...(goal && isOurs ? { goal } : {}),
    });
  return {
    cpu: figure(
      'cpu',
      '% of a core',
      samples((round) => round.cpuPercent),
      { at: 'most', value: 100 },
    ),
    memory: figure(
      'memory',
      'MB',
      samples((round) => round.memoryMb),
    ),
    bytes: figure(
      'bytes',
      'kB/s',
      samples((round) => round.bytesPerSecond / 1000),
    ),
    p50: figure(
      'p50',
      'ms',
      samples((round) => quantile(round.latenciesMs, 0.5)),
    ),
    p95: figure(
      'p95',
      'ms',
      samples((round) => quantile(round.latenciesMs, 0.95)),
    ),
    p99: figure(
      'p99',
      'ms',
      samples((round) => quantile(round.latenciesMs, 0.99)),
      { at: 'most', value: 150 },
    ),
  };
}
