import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeLaunch, type LaunchHost } from './place.ts';
import { placeRules } from './rules.ts';

const host = (name: string, parts: Partial<LaunchHost> = {}): LaunchHost => ({
  name,
  cpus: 4,
  memoryMb: 4_096,
  committedMemoryMb: 0,
  committedCpus: 0,
  committedNets: 0,
  vmLimit: 1_000,
  vms: 0,
  ...parts,
});
const size = { vcpus: 1, memoryMb: 1_024, nets: 1 };
const names = (count: number) => Array.from({ length: count }, (_, at) => `web${at + 1}`);
const counts = (hosts: LaunchHost[], count: number, rule: (typeof placeRules)[number]) => {
  const { byNode, issue } = placeLaunch(hosts, names(count), { size, rule });
  return [Object.fromEntries([...byNode].map(([node, own]) => [node, own.length])), issue];
};

test('spread takes the least loaded, fill one after the other, and one-each one on each', () => {
  const hosts = [host('node2'), host('node1', { committedCpus: 2 }), host('node10')];
  expect(counts(hosts, 4, 'spread')).toEqual([{ node2: 2, node10: 2 }, '']);
  expect(counts(hosts, 5, 'fill')).toEqual([{ node1: 4, node2: 1 }, '']);
  expect(counts(hosts, 2, 'one-each')).toEqual([{ node2: 1, node10: 1 }, '']);
});

test.each([
  [[], 1, 'spread', 'no node is chosen'],
  [
    [host('a', { committedMemoryMb: 4_000 })],
    1,
    'spread',
    'a VM takes 1024 MB, and the most that is left is 96 MB of 4096 MB, on a',
  ],
  [[host('node1'), host('node2')], 10, 'fill', '2 of 10 VMs have no place: node[1-2] have room for 8 of 1024 MB'],
  [[host('a', { vmLimit: 3, vms: 3 })], 1, 'spread', 'a has as many VMs as a node may have (3)'],
  [
    [host('node1'), host('node2')],
    3,
    'one-each',
    '3 VMs, one on each node, and 2 of 2 nodes have room: choose more nodes, or another rule',
  ],
] as const)('%# what has no place is said in words', (hosts, count, rule, text) => {
  expect(counts([...hosts], count, rule)[1]).toBe(text);
});

test('no node gets more than it has, each VM is placed once, and who has no place is named', () => {
  const hosts = fc.array(
    fc.record({
      memoryMb: fc.integer({ min: 0, max: 8_000 }),
      committedMemoryMb: fc.integer({ min: 0, max: 4_000 }),
      vmLimit: fc.integer({ min: -1, max: 6 }),
      vms: fc.integer({ min: 0, max: 6 }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(hosts, fc.integer({ min: 1, max: 30 }), fc.constantFrom(...placeRules), (all, count, rule) => {
      const made = all.map((parts, at) => host(`node${at + 1}`, parts));
      const { byNode, left, issue } = placeLaunch(made, names(count), { size, rule });
      const placed = [...byNode.values()].flat();
      expect([...placed, ...left].sort()).toEqual(names(count).sort());
      expect(issue === '').toBe(left.length === 0);
      for (const each of made) {
        const own = byNode.get(each.name)?.length ?? 0;
        if (own === 0) continue;
        expect(each.committedMemoryMb + own * size.memoryMb).toBeLessThanOrEqual(each.memoryMb);
        if (each.vmLimit >= 0) expect(each.vms + own).toBeLessThanOrEqual(each.vmLimit);
        if (rule === 'one-each') expect(own).toBe(1);
      }
      // The VMs are alike: spreading them finds all the room that there is.
      if (rule === 'fill')
        expect(placeLaunch(made, names(count), { size, rule: 'spread' }).left).toHaveLength(left.length);
    }),
  );
});
