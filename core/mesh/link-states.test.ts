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

  test('M2 a newer state of ourselves is from an earlier life, and we continue after it', () => {
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

  test('repeating an unchanged state is not news', () => {
    const map = createMap(0, 3);
    expect(map.setSelf(3, entries(map, [1, 2]))).toBe(true);
    expect(map.setSelf(3, entries(map, [2, 1]))).toBe(false);
    expect(map.setSelf(4, entries(map, [2, 1]))).toBe(true);
  });

  test('M7 a state from more than a day ahead of the clock is not taken, and what was taken from there gives way', () => {
    const now = { ms: 1_000_000_000 };
    const clocked = (self: number) => {
      const map = new LinkStateMap(idOf(self), now.ms, () => now.ms);
      map.setMembers(ids(3));
      return map;
    };
    const map = clocked(1);
    const origin = clocked(0);
    const forge = (incarnation: number, sequence: number) => {
      const bytes = own(origin).slice();
      new DataView(bytes.buffer).setUint16(16, Math.floor(incarnation / 2 ** 32));
      new DataView(bytes.buffer).setUint32(18, incarnation >>> 0);
      new DataView(bytes.buffer).setUint32(22, sequence);
      return bytes;
    };
    const seen: string[] = [];
    const take = (bytes: Uint8Array) => map.receive(bytes, 0, (_, reception) => seen.push(reception));
    for (const incarnation of [2 ** 48 - 1, now.ms + 86_400_001, now.ms + 86_400_000])
      take(forge(incarnation, 2 ** 32 - 1));
    expect(seen).toEqual(['ahead', 'ahead', 'fresh']);
    // Its origin receives it and continues after it. Then every node accepts the origin's state, also one with the forged state.
    origin.receive(forge(now.ms + 86_400_000, 2 ** 32 - 1), 0, (_, reception) => seen.push(reception));
    now.ms += 1;
    take(own(origin));
    expect(seen.slice(3)).toEqual(['own', 'fresh']);
    // A clock that was ahead and is set back: what it let in is worth nothing, what we said ourselves is said again.
    now.ms -= 3 * 86_400_000;
    const later = new LinkStateMap(idOf(0), now.ms, () => now.ms);
    later.setMembers(ids(3));
    take(own(later));
    expect(seen.at(-1)).toBe('fresh');
    expect([map.restartIfAhead(), map.restartIfAhead(), map.incarnationOf(map.self)]).toEqual([true, false, now.ms]);
  });

  test('M8 after the last sequence comes the next incarnation', () => {
    const map = createMap(0, 3);
    const bytes = own(map).slice();
    new DataView(bytes.buffer).setUint32(22, 2 ** 32 - 2);
    map.receive(bytes, 0, ignore);
    expect(map.incarnationOf(map.self)).toBe(1_001);
    const last = createMap(1, 3);
    const full = own(last).slice();
    new DataView(full.buffer).setUint32(22, 2 ** 32 - 1);
    const other = createMap(0, 3);
    other.receive(full, 0, ignore);
    const seen: string[] = [];
    last.receive(full, 0, (_, reception) => seen.push(reception));
    last.setSelf(3, entries(last, [0]));
    other.receive(own(last), 0, (_, reception) => seen.push(reception));
    expect(seen).toEqual(['own', 'fresh']);
  });

  test('M9 ids outside the roster take no place, as origins and as neighbours, and count once the roster names them', () => {
    const source = createMap(0, 2_000);
    source.setSelf(
      3,
      entries(
        source,
        Array.from({ length: 1_999 }, (_, i) => i + 1),
      ),
    );
    const stranger = createMap(1_500, 2_000);
    const map = createMap(1, 3);
    for (const bytes of [own(source), own(stranger)]) expect(map.receive(bytes, 0, ignore)).toBe(true);
    expect(map.neighboursOf(map.get(idOf(0))!).map(({ id }) => id)).toEqual([idOf(1), idOf(2)]);
    expect([map.all().length, map.summary().count, map.hasDropped]).toEqual([3, 2, true]);
    map.setMembers(ids(10));
    expect(map.neighboursOf(map.get(idOf(0))!)).toHaveLength(9);
    expect(map.ensure(idOf(77))).toBeDefined();
  });

  test('M10 a state of more neighbours or a higher degree than can be is malformed', () => {
    const state = (degree: number, count: number) => {
      const bytes = new Uint8Array(30 + 16 * count);
      new DataView(bytes.buffer).setUint16(26, degree);
      new DataView(bytes.buffer).setUint16(28, count);
      return bytes;
    };
    const map = createMap(0, 3);
    expect(map.receive(state(1_023, 2_048), 0, ignore)).toBe(true);
    expect(map.receive(state(1_023, 2_049), 0, ignore)).toBe(false);
    expect(map.receive(state(1_024, 1), 0, ignore)).toBe(false);
    expect(map.receive(state(3, 9_000), 0, ignore)).toBe(false);
    expect(map.compare(new Uint8Array(26 * 8_193), 0)).toBeNull();
  });

  test('M11 a state leaves with its origin, and frees its place', () => {
    const map = createMap(0, 3);
    const summary = { ...map.summary() };
    for (let round = 1; round < 12_000; round += 97) {
      const gone = new LinkStateMap(idOf(round + 10), 1_000);
      map.setMembers([...ids(3), idOf(round + 10)]);
      map.receive(own(gone), 0, ignore);
      expect(map.summary().count).toBe(2);
      map.setMembers(ids(3));
    }
    expect(map.summary()).toEqual(summary);
    expect(map.all().length).toBeLessThanOrEqual(4);
    expect([map.get(idOf(0)), map.get(idOf(11))]).toEqual([map.self, undefined]);
  });

  test('M11 one small state does not keep the frame that it came in', () => {
    const count = 200;
    const map = createMap(0, count);
    for (let origin = 1; origin < count; origin += 1) {
      const source = createMap(origin, count, 2_000);
      // 100 kB of stale states of the same origin behind the one that is new.
      const small = own(source);
      const stale = small.slice();
      new DataView(stale.buffer).setUint32(18, 1);
      const frame = new Uint8Array(small.length + stale.length * Math.floor(100_000 / stale.length));
      frame.set(small);
      for (let at = small.length; at < frame.length; at += stale.length) frame.set(stale, at);
      expect(map.receive(frame, 0, ignore)).toBe(true);
    }
    expect(map.summary().count).toBe(count);
    expect(map.heldMemory()).toBeLessThan(6 * 1024 * 1024);
    for (let origin = 1; origin < count; origin += 1) expect(map.degreeOf(map.get(idOf(origin))!)).toBe(0);
  }, 60_000);

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

  test('ids that share their first word stay distinct, and the map grows beyond its first size', () => {
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
