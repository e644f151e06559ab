import { expect, test } from 'vitest';
import { Owners } from './owners.ts';
import {
  followRoster,
  gainNumbers,
  neverAsked,
  newStanding,
  ownedNumbers,
  promise,
  type RosterView,
  type Standing,
} from './standing.ts';

const id = (at: number) => at.toString(16).padStart(32, '0');
const roster = (version: number, members: number[], more: Partial<RosterView> = {}): RosterView => ({
  version,
  removals: 0,
  ids: members.map(id),
  members: members.map(id),
  ...more,
});
const ownedBy = (view: RosterView, self: number) => ownedNumbers(new Owners(view.members), id(self));
const follow = (standing: Standing, view: RosterView, self: number) =>
  followRoster(standing, view, ownedBy(view, self));

/** A node that had all numbers of this roster. */
const settledIn = (view: RosterView, self: number) => gainNumbers(follow(newStanding, view, self), ownedBy(view, self));

test('V4 a node that knows nothing gives nothing away, whatever the roster says', () => {
  expect(follow(newStanding, roster(5, [1, 2]), 1).numbers).toEqual([]);
});

test('V4 a new member takes numbers away at once, and gains none by that', () => {
  const before = settledIn(roster(5, [1, 2]), 1);
  const after = follow(before, roster(6, [1, 2, 3]), 1);
  expect(after.numbers.length).toBeLessThan(before.numbers.length);
  expect(after.numbers).toEqual(ownedBy(roster(6, [1, 2, 3]), 1));
});

test('V4 numbers of a member that left are not given away before all have confirmed', () => {
  const before = settledIn(roster(5, [1, 2, 3]), 1);
  const view = roster(6, [1, 2], { removals: 1 });
  const after = follow(before, view, 1);
  expect(after.numbers).toEqual(before.numbers);
  expect(ownedBy(view, 1).length).toBeGreaterThan(after.numbers.length);
  expect(gainNumbers(after, ownedBy(view, 1)).numbers).toEqual(ownedBy(view, 1));
});

test('V4 a node that missed versions keeps its numbers when nobody came and went meanwhile', () => {
  const before = settledIn(roster(5, [1, 2]), 1);
  expect(follow(before, roster(9, [1, 2, 3]), 1).numbers.length).toBeGreaterThan(0);
});

test.each([
  ['a node was removed', roster(9, [1, 2], { removals: 1 })],
  ['a node came and was revoked', roster(9, [1, 2], { ids: [1, 2, 3].map(id) })],
  ['the head does not count removals', roster(9, [1, 2], { removals: null })],
])('V4 it loses them when it missed versions and %s: that node may have given them away', (_what, view) => {
  const before = settledIn(roster(5, [1, 2]), 1);
  expect(follow(before, view, 1).numbers).toEqual([]);
});

test('V4 who was asked, or was there before, may have gained numbers; who came later and did not ask has none', () => {
  const standing = promise(settledIn(roster(5, [1, 2]), 1), 6, id(3));
  expect(standing.promised).toBe(6);
  expect(neverAsked(standing, [2, 3, 4].map(id))).toEqual([id(4)]);
  expect(neverAsked(newStanding, [4].map(id))).toEqual([]);
});

interface Played {
  standing: Standing;
  /** Standing on the disk. */
  saved: Standing;
  view: RosterView;
  savedView: RosterView;
  confirmed: Map<number, number>;
  never: Set<string>;
}

const seed = Number(process.env['VLAN_SEED'] ?? Math.floor(Math.random() * 1e9));
function seeded(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

test('V4 through random rosters, restarts that lose the newest roster, and confirmations in any order, one node at most may give a number away', () => {
  for (let run = 0; run < 30; run += 1) playRosters(seed + run);
}, 60_000);

/** The protocol of agent/vlans/confirmation.ts with all waiting left to chance. */
function playRosters(start: number): void {
  const random = seeded(start);
  const below = (most: number) => Math.floor(random() * most);
  const rosters = [roster(1, [1])];
  const newest = () => rosters.at(-1)!;
  const nodes = new Map<number, Played>();
  const owned = new Map<string, readonly number[]>();
  const ownedOf = (view: RosterView, self: number) => {
    const key = `${view.version} ${self}`;
    const known = owned.get(key) ?? ownedBy(view, self);
    owned.set(key, known);
    return known;
  };
  const join = (self: number, view: RosterView) => {
    const standing = followRoster(newStanding, view, ownedOf(view, self));
    nodes.set(self, { standing, saved: standing, view, savedView: view, confirmed: new Map(), never: new Set() });
  };
  const learn = (self: number, node: Played, view: RosterView) => {
    if (view.version <= node.view.version || !view.members.includes(id(self))) return;
    node.view = view;
    node.standing = followRoster(node.standing, view, ownedOf(view, self));
    node.confirmed.clear();
    node.never.clear();
  };
  join(1, newest());
  let last = 1;
  const idOf = new Map([[id(1), 1]]);
  for (let step = 0; step < 400; step += 1) {
    const alive = [...nodes.keys()].filter((self) => newest().members.includes(id(self)));
    const self = alive[below(alive.length)]!;
    const node = nodes.get(self)!;
    const dice = random();
    if (dice < 0.04 && newest().members.length < 8) {
      last += 1;
      idOf.set(id(last), last);
      const view = newest();
      rosters.push({
        ...view,
        version: view.version + 1,
        ids: [...view.ids, id(last)],
        members: [...view.members, id(last)],
      });
      // Some are admitted and never started.
      if (random() < 0.8) join(last, newest());
    } else if (dice < 0.06 && newest().members.length > 2) {
      const gone = newest().members[1 + below(newest().members.length - 1)]!;
      const view = newest();
      const isRemoved = random() < 0.5;
      rosters.push({
        version: view.version + 1,
        removals: (view.removals ?? 0) + (isRemoved ? 1 : 0),
        ids: isRemoved ? view.ids.filter((each) => each !== gone) : view.ids,
        members: view.members.filter((each) => each !== gone),
      });
    } else if (dice < 0.3) {
      learn(self, node, rosters[below(rosters.length)]!);
    } else if (dice < 0.4) {
      // The roster is written behind, and what is not written is lost at a crash.
      if (random() < 0.5) node.savedView = node.view;
      if (random() < 0.5) node.saved = node.standing;
      if (random() < 0.3) {
        node.view = node.savedView;
        node.standing = followRoster(node.saved, node.view, ownedOf(node.view, self));
        node.confirmed.clear();
        node.never.clear();
      }
    } else {
      const others = node.view.members.filter((each) => each !== id(self));
      const otherId = others[below(others.length)];
      const other = nodes.get(idOf.get(otherId ?? '') ?? -1);
      if (other && other.view.version === node.view.version) {
        other.standing = promise(other.standing, node.view.version, id(self));
        other.saved = other.standing;
        node.confirmed.set(idOf.get(otherId!)!, node.view.version);
        for (const each of neverAsked(other.standing, others)) node.never.add(each);
      }
      const missing = others.filter(
        (each) => node.confirmed.get(idOf.get(each)!) !== node.view.version && !node.never.has(each),
      );
      if (missing.length === 0) node.standing = gainNumbers(node.standing, ownedOf(node.view, self));
    }
    const givenBy = new Map<number, number>();
    for (const [who, { standing, view }] of nodes) {
      if (!newest().members.includes(id(who)) || standing.promised > view.version) continue;
      for (const vlan of standing.numbers) {
        const already = givenBy.get(vlan);
        if (already !== undefined) {
          throw new Error(`VLAN_SEED=${start}: step ${step}: VLAN ${vlan} may be given away by ${already} and ${who}`);
        }
        givenBy.set(vlan, who);
      }
    }
  }
}
