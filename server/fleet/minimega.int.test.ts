// The fleet on a minimega cluster: which node it is attached to, and what it says when nodes go or hang.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fleetFromSnapshot } from '../../core/fleet-view.ts';
import { DoubleMinimega } from '../../lab/minimega/double.ts';
import type { Fleet } from '../ports.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { createFleet } from './create-fleet.ts';

let folder = '';
let double: DoubleMinimega;
let fleet: Fleet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'double-'));
  double = await DoubleMinimega.start({ folder, names: ['node1', 'node2', 'node3'] });
  const store = createMemoryStore();
  const socketPaths = [double.socketOf('node1'), double.socketOf('node2')];
  await store.clusters.put({ id: 'mini', context: 'john', engine: 'minimega', socketPaths, addedAt: 0 });
  fleet = createFleet({ log: silentLog }, { store });
  await fleet.start();
});
afterEach(async () => {
  await fleet.stop();
  await double.stop();
  await rm(folder, { recursive: true, force: true });
});

const view = () => fleetFromSnapshot(fleet.snapshot());
const until = (check: () => void) => vi.waitFor(check, { timeout: 45_000, interval: 50 });

test('a cluster says what its engine lacks, and another node takes over when the attached one is killed', async () => {
  await until(() => expect(view().clusters[0]).toMatchObject({ State: 'live', Context: 'john', Reason: '' }));
  const first = view().clusters[0]?.AttachedTo ?? '';
  const lacks = view().clusters[0]?.Lacks?.map(({ What }) => What);
  expect(lacks).toEqual(expect.arrayContaining(['probe', 'shutdown', 'members']));
  double.kill(first);
  await until(() => {
    const [cluster] = view().clusters;
    expect([cluster?.State, cluster?.AttachedTo]).toEqual(['live', first === 'node1' ? 'node2' : 'node1']);
  });
  const states = new Map([...view().nodes.values()].map((node) => [node.Name, node.State]));
  expect(states.get(first)).toBe('absent');
  expect(states.get('node3')).toBe('member');
});

test('a node that hangs leaves the cluster live, with words', async () => {
  await until(() => expect(view().hosts.size).toBe(3));
  double.silence('node3', true);
  await until(() =>
    expect(view().clusters[0]).toMatchObject({
      State: 'live',
      Reason: expect.stringMatching(/does not answer/) as string,
    }),
  );
  double.silence('node3', false);
  await until(() => expect(view().clusters[0]?.Reason).toBe(''));
});
