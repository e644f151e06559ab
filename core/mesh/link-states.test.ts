import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LinkStateMap, type LinkStateEntry } from './link-states.ts';
import { Topology } from './topology.ts';

const idOf = (number: number) => (number + 1).toString(16).padStart(8, '0').repeat(4);
const ids = (count: number) => Array.from({ length: count }, (_, i) => idOf(i));

function createMap(self: number, count: number, incarnation = 1_000): LinkStateMap {
  const map = new LinkStateMap(idOf(self), incarnation);
  map.setMembers(ids(count));
  return map;
}

/** The states of these places in one buffer, as a frame carries them. */
function states(map: LinkStateMap, places: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(places.reduce((sum, place) => sum + map.stateLength(place), 0));
  map.copyStates(places, 0, places.length, bytes, 0);
  return bytes;
}

const entries = (map: LinkStateMap, numbers: readonly number[]) =>
  numbers.map((number) => map.get(idOf(number))).filter((entry): entry is LinkStateEntry => entry !== undefined);

const own = (map: LinkStateMap) => states(map, [map.self.place]);
const ignore = () => undefined;

describe('versions', () => {
  test('M1 the newest of an origin wins, whatever the order', () => {
    const source = createMap(0, 4);
    const versions = [[1], [1, 2], [2, 3], []].map((neighbours) => {
      source.setSelf(3, entries(source, neighbours));
      return own(source);
    });
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }), (order) => {
        const map = createMap(3, 4);
        for (const i of order) map.receive(versions[i]!, 0, ignore);
        const newest = Math.max(...order);
        const copy = map.get(idOf(0))!;
        expect(states(map, [copy.place])).toEqual(versions[newest]);
      }),
    );
  });

  test('M3 a known version is same, an older one stale, a newer one fresh', () => {
    const source = createMap(0, 3);
    const map = createMap(1, 3);
    const first = own(source);
    source.setSelf(3, entries(source, [1]));
    const second = own(source);
    const seen: string[] = [];
    for (const bytes of [first, first, second, first]) map.receive(bytes, 0, (_, reception) => seen.push(reception));
    expect(seen).toEqual(['fresh', 'same', 'fresh', 'stale']);
  });

  test('M2 a newer state of ourselves is from an earlier life, and we go on after it', () => {
    const before = createMap(0, 3, 5_000);
    before.setSelf(3, entries(before, [1, 2]));
    const map = createMap(0, 3, 1_000);
    map.setSelf(2, entries(map, [1]));
    const seen: string[] = [];
    map.receive(own(before), 0, (_, reception) => seen.push(reception));
    expect(seen).toEqual(['own']);
    expect(map.incarnationOf(map.self)).toBe(5_001);
    expect(map.neighboursOf(map.self).map((entry) => entry.id)).toEqual([idOf(1)]);
    expect(map.degreeOf(map.self)).toBe(2);
  });

  test('saying the same again is no news', () => {
    const map = createMap(0, 3);
    expect(map.setSelf(3, entries(map, [1, 2]))).toBe(true);
    expect(map.setSelf(3, entries(map, [2, 1]))).toBe(false);
    expect(map.setSelf(4, entries(map, [2, 1]))).toBe(true);
  });

  test('F2 malformed bytes are reported and harm nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const map = createMap(0, 3);
        map.receive(bytes, 0, ignore);
        map.compare(bytes, 0);
        expect(map.get(idOf(0))).toBe(map.self);
      }),
    );
  });

  test('ids that share their first word are told apart, and more nodes than at first fit', () => {
    const map = new LinkStateMap('0'.repeat(32), 1);
    const many = Array.from({ length: 3_000 }, (_, i) => `0000000${i % 8}${i.toString(16).padStart(24, '0')}`);
    for (const id of many) map.ensure(id);
    for (const id of many) expect(map.get(id)?.id).toBe(id);
    expect(map.all()).toHaveLength(3_000);
  });
});

describe('comparison', () => {
  test('M5 equal maps have equal summaries, and digests name exactly what the other lacks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ origin: fc.nat(7), changes: fc.nat(3), toA: fc.boolean(), toB: fc.boolean() })),
        (events) => {
          const sources = ids(8).map((_, i) => createMap(i, 8));
          const a = createMap(8, 10);
          const b = createMap(9, 10);
          for (const { origin, changes, toA, toB } of events) {
            const source = sources[origin]!;
            for (let i = 0; i <= changes; i += 1) {
              source.setSelf(3, entries(source, [(origin + 1 + i + source.neighboursOf(source.self).length) % 8]));
            }
            if (toA) a.receive(own(source), 0, ignore);
            if (toB) b.receive(own(source), 0, ignore);
          }
          // One exchange of digests makes them equal.
          const aLacks = b.compare(a.digest(0), 0)!;
          const bLacks = a.compare(b.digest(0), 0)!;
          expect(aLacks.weLack).toBe(bLacks.theyLack.length > 0);
          const forA = states(b, aLacks.theyLack);
          const forB = states(a, bLacks.theyLack);
          const seen: string[] = [];
          a.receive(forA, 0, (_, reception) => seen.push(reception));
          b.receive(forB, 0, (_, reception) => seen.push(reception));
          expect(seen.every((reception) => reception === 'fresh')).toBe(true);
          expect(a.summary()).toEqual(b.summary());
        },
      ),
    );
  });
});

describe('topology', () => {
  /** A random graph: pairs that both list each other, and pairs that only the first lists. */
  const graph = fc.record({
    both: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 25 }),
    half: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 8 }),
    strangers: fc.uniqueArray(fc.integer({ min: 1, max: 11 }), { maxLength: 3 }),
  });
  type Graph = typeof graph extends fc.Arbitrary<infer T> ? T : never;

  function mapOf({ both, half, strangers }: Graph): LinkStateMap {
    const lists = ids(12).map(() => new Set<number>());
    for (const [a, b] of both) {
      lists[a]!.add(b);
      lists[b]!.add(a);
    }
    for (const [a, b] of half) lists[a]!.add(b);
    const map = createMap(0, 12);
    lists.forEach((list, i) => {
      if (i === 0) map.setSelf(3, entries(map, [...list]));
      else {
        const other = createMap(i, 12);
        other.setSelf(3, entries(other, [...list]));
        map.receive(own(other), 0, ignore);
      }
    });
    map.setMembers(ids(12).filter((_, i) => !strangers.includes(i)));
    return map;
  }

  /** Distances from node 0 by the definition: an edge counts when both list it and both are members. */
  function distances(map: LinkStateMap): Map<string, number> {
    const known = new Map([[map.self.id, 0]]);
    for (let round = 1; round < 13; round += 1) {
      for (const a of map.all()) {
        if (known.get(a.id) !== round - 1) continue;
        for (const b of map.all()) {
          const isEdge =
            a !== b && a.isMember && b.isMember && map.neighboursOf(a).includes(b) && map.neighboursOf(b).includes(a);
          if (isEdge && !known.has(b.id)) known.set(b.id, round);
        }
      }
    }
    return known;
  }

  test('M1 U1 reachable is what the definition says, and next hops are on shortest paths', () => {
    fc.assert(
      fc.property(graph, (drawn) => {
        const map = mapOf(drawn);
        const topology = new Topology(map);
        const expected = distances(map);
        expect(new Set(topology.reached().map((entry) => entry.id))).toEqual(new Set(expected.keys()));
        for (const entry of map.all()) {
          const hop = topology.nextHop(entry);
          if (!expected.has(entry.id)) expect(hop).toBeNull();
          else if (entry !== map.self) {
            expect(expected.get(hop!.id)).toBe(1);
            const seen = new LinkStateMapView(map, hop!);
            expect(seen.distanceTo(entry)).toBe(expected.get(entry.id)! - 1);
          }
        }
        for (const neighbour of topology.effectiveNeighbours(map.self)) {
          const without = new LinkStateMapView(map, map.self, neighbour).distanceTo(neighbour);
          expect(topology.isReachableWithout(neighbour)).toBe(without !== null);
        }
      }),
    );
  });

  test('U1 while a path stays shortest it stays the one in use', () => {
    fc.assert(
      fc.property(graph, fc.integer({ min: 1, max: 11 }), (drawn, news) => {
        const map = mapOf({ ...drawn, strangers: [] });
        const topology = new Topology(map);
        const before = new Map(map.all().map((entry) => [entry, topology.nextHop(entry)]));
        // News that changes nothing of the graph.
        const entry = map.get(idOf(news))!;
        const again = createMap(news, 12, 2_000);
        again.setSelf(
          7,
          map.neighboursOf(entry).map((n) => again.get(n.id)!),
        );
        map.receive(own(again), 0, ignore);
        for (const [node, hop] of before) expect(topology.nextHop(node)).toBe(hop);
      }),
    );
  });

  /** Plain breadth-first search from any node, with one edge left out. */
  class LinkStateMapView {
    private readonly map: LinkStateMap;
    private readonly from: LinkStateEntry;
    private readonly without: LinkStateEntry | null;

    constructor(map: LinkStateMap, from: LinkStateEntry, without: LinkStateEntry | null = null) {
      this.map = map;
      this.from = from;
      this.without = without;
    }

    distanceTo(target: LinkStateEntry): number | null {
      const distance = new Map([[this.from, 0]]);
      for (const [entry, steps] of distance) {
        if (entry === target) return steps;
        for (const other of this.map.neighboursOf(entry)) {
          const isLeftOut = this.without !== null && entry === this.from && other === this.without;
          const counts = entry.isMember && other.isMember && this.map.neighboursOf(other).includes(entry);
          if (other !== entry && counts && !isLeftOut && !distance.has(other)) distance.set(other, steps + 1);
        }
      }
      return null;
    }
  }
});
