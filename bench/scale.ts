// How the mesh grows: members in one process, in real time, until all list all and each holds its degree. In memory only the
// network is simulated; over TLS nothing is.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../agent/mesh/clock.ts';
import type { Mesh } from '../agent/mesh/mesh.ts';
import { seededRandom, Simulation } from '../agent/mesh/simulation.ts';
import { TlsCluster, until } from '../agent/mesh/tls-for-tests.ts';
import type { Report } from './report.ts';
import { describeNumber } from './report.ts';

const sizes = [50, 100, 300, 1000];
const sizeOverTls = 100;
const firstPort = 23_000;
const timeoutMs = 300_000;

interface ScaleOptions {
  readonly rounds: number;
  readonly degree: number;
  readonly signal: AbortSignal;
}

export async function benchScale(report: Report, { rounds, degree, signal }: ScaleOptions): Promise<void> {
  report.heading(`Members in one process, degree ${degree}, until all list all and each holds its degree`);
  for (const size of sizes) {
    const samples: number[] = [];
    let sent = '';
    for (let round = 0; round < rounds; round += 1) {
      signal.throwIfAborted();
      const random = seededRandom(size + round);
      const sim = await Simulation.create({ size, degree }, { clock: createSystemClock(), random });
      const startedAt = performance.now();
      await sim.startAll();
      await until(() => sim.isSettled(), timeoutMs);
      samples.push(performance.now() - startedAt);
      sent = describeSent(sim.running());
      await sim.stopAll();
    }
    report.figure(`scale-${size}`, `${size} members in memory`, { unit: 'ms', samples });
    report.note(sent);
  }
  const samples: number[] = [];
  let sent = '';
  for (let round = 0; round < rounds; round += 1) {
    signal.throwIfAborted();
    const folder = await mkdtemp(join(tmpdir(), 'meshdeck-scale-'));
    const cluster = await TlsCluster.create(join(folder, 'ca'), { size: sizeOverTls, firstPort });
    try {
      const startedAt = performance.now();
      for (let index = 0; index < sizeOverTls; index += 1) await cluster.start(index, degree);
      await until(() => cluster.isSettled(), timeoutMs);
      samples.push(performance.now() - startedAt);
      sent = describeSent(cluster.meshes);
    } finally {
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
  report.figure(`scale-tls-${sizeOverTls}`, `${sizeOverTls} members over TLS on 127.0.0.1`, { unit: 'ms', samples });
  report.note(sent);
}

function describeSent(meshes: readonly Mesh[]): string {
  const perNode = (count: (mesh: Mesh) => number) =>
    describeNumber(meshes.reduce((total, mesh) => total + count(mesh), 0) / meshes.length);
  return (
    `each sent ${perNode(({ counters }) => counters.frames)} frames, ${perNode(({ counters }) => counters.states)} link states, ` +
    `${perNode(({ counters }) => counters.bytes / 1000)} kB, and has ${perNode((mesh) => mesh.linkedIds().length)} links`
  );
}
