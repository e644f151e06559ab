import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterKinds, links, nodes } from '../../contract/cluster-kinds.ts';
import { seededRandom, Simulation } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { ClusterRows } from './cluster-rows.ts';
import { followMesh } from './mesh-rows.ts';

const size = 8;
let clock: VirtualClock;
let sim: Simulation;
let rows: ClusterRows;
let unfollow: (() => void) | null;

beforeEach(async () => {
  clock = new VirtualClock();
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };
  sim = await Simulation.create({ size, degree: 3 }, { clock, random: seededRandom(3), log });
  rows = new ClusterRows(clusterKinds);
  unfollow = null;
  await sim.startAll();
  await clock.advanceUntil(() => sim.isSettled(), 10_000);
});
afterEach(async () => {
  unfollow?.();
  await sim.stopAll();
});

const store = () => {
  const [first] = sim.stores;
  if (!first) throw new Error('a started node has a roster');
  return first;
};
const follow = (into = rows) => followMesh(into, { mesh: sim.mesh(0), roster: store() });
const tables = (of: ClusterRows) => {
  const rowsOf = [...of.table(nodes).values(), ...of.table(links).values()];
  return rowsOf.map((row) => JSON.stringify(row)).sort();
};
/** What someone sees who begins to look now. */
const fresh = () => {
  const looked = new ClusterRows(clusterKinds);
  follow(looked)();
  return tables(looked);
};

test('the first change after someone began to look is seen: a node that was there then, and is lost', async () => {
  unfollow = follow();
  const { id, name } = sim.node(size - 1);
  expect(rows.table(nodes).get(id)).toMatchObject({ Name: name, State: 'member' });
  sim.kill(size - 1);
  await clock.advance(5_000);
  expect(rows.table(nodes).get(id)).toMatchObject({ State: 'absent', Degree: null });
  expect([...rows.table(links).values()].filter(({ A, B }) => A === id || B === id)).toEqual([]);
});

test('anyone who begins to look, at any time, sees what is there', async () => {
  const random = seededRandom(11);
  for (let turn = 0; turn < 120; turn += 1) {
    const index = 1 + Math.floor(random() * (size - 1));
    if (!sim.meshes[index]) await sim.start(index);
    else if (random() < 0.4) sim.kill(index);
    else sim.mesh(index).setDegree(1 + Math.floor(random() * 5));
    await clock.advance(random() < 0.5 ? random() * 40 : random() * 2_000, 5);
    if (unfollow === null || random() < 0.3) {
      unfollow?.();
      unfollow = random() < 0.7 ? follow() : null;
    }
    if (unfollow === null || random() < 0.5) continue;
    // What is still on its way to the rows.
    sim.mesh(0).emitTopology();
    expect(tables(rows), `turn ${turn}`).toEqual(fresh());
  }
});
