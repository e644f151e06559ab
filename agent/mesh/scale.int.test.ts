// Many members in one process, in real time. `npm run bench -- mesh --only scale` has the figures, up to 1,000 of them.
import { expect, test } from 'vitest';
import { createSystemClock } from './clock.ts';
import { seededRandom, Simulation } from './simulation.ts';
import { until } from './tls-fixture.ts';

test('M1 D1 300 members become one mesh: each lists all and holds its degree', async () => {
  const size = 300;
  const sim = await Simulation.create({ size, degree: 3 }, { clock: createSystemClock(), random: seededRandom(size) });
  await sim.startAll();
  await until(() => sim.isSettled());
  const lists = [0, size >> 1, size - 1].map((index) => JSON.stringify(sim.mesh(index).memberIds().sort()));
  await sim.stopAll();
  expect(new Set(lists).size).toBe(1);
  expect(JSON.parse(lists[0] ?? '')).toHaveLength(size);
});
