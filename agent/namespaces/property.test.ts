// Twelve members, and chance: namespaces are mentioned, configured and cleared, the mesh splits and heals, nodes are killed and started. In the end
// all nodes show the same. NAMESPACE_SEED=<seed> plays one run again.
import { expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { loadKinds } from '../../core/vms/placement.ts';
import { seededRandom } from '../mesh/simulation.ts';
import { VirtualClock } from '../mesh/virtual-clock.ts';
import { SimulatedNamespaces } from './simulated-namespaces.ts';

const size = 12;
const seed = Number(process.env['NAMESPACE_SEED'] ?? Math.floor(Math.random() * 1e9));

test(`N2 N3 N4 N5 whatever happens in whatever order, all nodes come to the same namespaces (NAMESPACE_SEED=${seed})`, async () => {
  const clock = new VirtualClock();
  const nodes = await SimulatedNamespaces.create({ size }, clock, seed);
  const random = seededRandom(seed);
  const below = (most: number) => Math.floor(random() * most);
  const acts: string[] = [];
  const bugs: unknown[] = [];
  let changes = 0;

  const watch = (wish: Promise<unknown>) => {
    wish.then(
      () => (changes += 1),
      (error: unknown) => {
        if (!(error instanceof AppError)) bugs.push(error);
      },
    );
  };
  const act = (): void => {
    const dice = random();
    const running = nodes.runs();
    const index = running[below(running.length)] ?? 0;
    const namespaces = nodes.at(index);
    const name = `exp${below(6)}`;
    const some = nodes.members(below(size), below(size));
    acts.push(`${index} ${name} ${dice.toFixed(2)}`);
    if (dice < 0.35) watch(namespaces.mention(name));
    else if (dice < 0.5) watch(namespaces.addHosts(name, dice < 0.4 ? 'all' : some));
    else if (dice < 0.6) watch(namespaces.deleteHosts(name, dice < 0.52 ? 'all' : some));
    else if (dice < 0.65) watch(namespaces.setLoad(name, loadKinds[below(3)] ?? 'cpucommit'));
    else if (dice < 0.75) watch(namespaces.clear(name, { signal: new AbortController().signal }));
    else if (dice < 0.82) {
      const groups = Array.from({ length: size }, () => below(2));
      nodes.sim.split((node) => groups[node] ?? 0);
    } else if (dice < 0.88) nodes.sim.split(null);
    else if (dice < 0.94 && running.length > size / 2) nodes.kill(index);
  };
  try {
    for (let turn = 0; turn < 60; turn += 1) {
      for (let at = 0; at < 1 + below(4); at += 1) act();
      if (random() < 0.3) {
        const dead = Array.from({ length: size }, (_, index) => index).find((index) => !nodes.runs().includes(index));
        if (dead !== undefined) await nodes.start(dead);
      }
      await clock.advance(random() < 0.3 ? 6_000 : below(500), 100);
    }
    nodes.sim.split(null);
    for (let index = 0; index < size; index += 1) if (!nodes.runs().includes(index)) await nodes.start(index);
    // Wishes that wait for a node that was away have ended by then.
    await clock.advance(70_000, 500);
    await nodes.run(nodes.at(0).mention('last'));
    await nodes.agreed();
    expect(new Set(nodes.runs().map((index) => nodes.at(index).state.hashes().join())).size).toBe(1);
    expect(bugs).toEqual([]);
    expect(changes).toBeGreaterThan(20);
    expect(nodes.text(size - 1)).toContain('last=');
  } catch (cause) {
    throw new Error(`NAMESPACE_SEED=${seed}: ${acts.slice(-30).join(' | ')}`, { cause });
  } finally {
    await nodes.stopAll();
  }
}, 90_000);
