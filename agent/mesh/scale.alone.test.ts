// How the mesh grows: members in one process, in real time. Prints seconds and messages per node for each size.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createSystemClock } from './clock.ts';
import type { Mesh } from './mesh.ts';
import { seededRandom, Simulation } from './simulation.ts';
import { TlsCluster, until } from './tls-fixture.ts';

const degree = 3;
const report: string[] = [];

function describe(what: string, meshes: readonly Mesh[], tookMs: number): string {
  const sum = (count: (mesh: Mesh) => number) => meshes.reduce((total, mesh) => total + count(mesh), 0);
  const perNode = (count: (mesh: Mesh) => number) => (sum(count) / meshes.length).toFixed(1);
  return [
    what.padEnd(16),
    `${(tookMs / 1000).toFixed(2)} s`,
    `${perNode((mesh) => mesh.counters.frames)} frames/node`,
    `${perNode((mesh) => mesh.counters.states)} link states/node`,
    `${perNode((mesh) => mesh.counters.bytes / 1000)} kB/node`,
    `${perNode((mesh) => mesh.linkedIds().length)} links/node`,
  ].join('  ');
}

afterAll(() => {
  process.stdout.write(`\nmesh scale, degree ${degree}, full membership and settled degree:\n${report.join('\n')}\n`);
});

test.each([50, 100, 300, 1000])('M1 D1 %i members in memory: full membership and settled degree', async (size) => {
  const random = seededRandom(size);
  const sim = await Simulation.create({ size, degree }, { clock: createSystemClock(), random });
  const start = performance.now();
  await sim.startAll();
  await until(() => sim.isSettled());
  const tookMs = performance.now() - start;
  report.push(describe(`${size} in memory`, sim.running(), tookMs));
  const maps = new Set([0, size >> 1, size - 1].map((index) => JSON.stringify(sim.mesh(index).memberIds().sort())));
  await sim.stopAll();
  expect(maps.size).toBe(1);
});

test('M1 D1 T1 100 members over TLS on 127.0.0.1: full membership and settled degree', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-scale-'));
  const size = 100;
  const cluster = await TlsCluster.create(join(folder, 'ca'), { size, firstPort: 23_000 });
  const start = performance.now();
  for (let i = 0; i < size; i += 1) await cluster.start(i, degree);
  await until(() => cluster.isSettled());
  const tookMs = performance.now() - start;
  report.push(describe(`${size} over TLS`, cluster.meshes, tookMs));
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});
