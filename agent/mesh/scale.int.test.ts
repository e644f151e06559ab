// Many members in one process, in real time. `npm run bench -- mesh --only scale` has the figures, up to 1,000 of them.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createSystemClock } from './clock.ts';
import { seededRandom, Simulation } from './simulation.ts';
import { TlsCluster, until } from './tls-for-tests.ts';

/** 1,000 members take ten seconds on a quiet machine, and a minute and more beside other work. */
const patienceMs = 170_000;

test.each([50, 100, 300, 1000])(
  'M1 D1 %i members become one mesh: each lists all and holds its degree',
  async (size) => {
    const sim = await Simulation.create(
      { size, degree: 3 },
      { clock: createSystemClock(), random: seededRandom(size) },
    );
    await sim.startAll();
    await until(() => sim.isSettled(), patienceMs);
    const lists = [0, size >> 1, size - 1].map((index) => JSON.stringify(sim.mesh(index).memberIds().sort()));
    await sim.stopAll();
    expect(new Set(lists).size).toBe(1);
    expect(JSON.parse(lists[0] ?? '')).toHaveLength(size);
  },
);

test('M1 D1 T1 100 members over TLS become one mesh: each lists all and holds its degree', async () => {
  const size = 100;
  const folder = await mkdtemp(join(tmpdir(), 'mesh-scale-'));
  const cluster = await TlsCluster.create(join(folder, 'ca'), { size, firstPort: 23_000 });
  try {
    for (let index = 0; index < size; index += 1) await cluster.start(index, 3);
    await until(() => cluster.isSettled(), patienceMs);
  } finally {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
