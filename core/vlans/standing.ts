// Which of its numbers a node may give away. That a roster names it as the owner is not enough: the owner before may not know
// that roster yet, and rows that it wrote may not have arrived.
//
// INVARIANT: of all members, at most one may give away a number. A node gains numbers only once every member that might give
// them away has the node's roster, has promised to follow no older one, and has handed over its rows.
import { maxVlan, minVlan } from './names.ts';
import type { Owners } from './owners.ts';

/** What of a roster counts here. */
export interface RosterView {
  readonly version: number;
  /** Entries that were ever taken out; null: the head's meshd does not count them. */
  readonly removals: number | null;
  /** All entries, revoked ones too. */
  readonly ids: readonly string[];
  readonly members: readonly string[];
}

/** Kept on disk. */
export interface Standing {
  /** The roster that `numbers` is worked out from. */
  readonly version: number;
  readonly removals: number | null;
  readonly ids: readonly string[];
  /** Those that this node may give away while the roster in force names it as their owner. */
  readonly numbers: readonly number[];
  /** It gives away nothing under a roster older than this: it told another member so. */
  readonly promised: number;
  /** The roster's entries when it first gained numbers; null: it never did. */
  readonly established: readonly string[] | null;
  /** Members that it confirmed its roster to. Only they can have gained numbers since `established`. */
  readonly asked: readonly string[];
}

export const newStanding: Standing = {
  version: 0,
  removals: null,
  ids: [],
  numbers: [],
  promised: 0,
  established: null,
  asked: [],
};

export function ownedNumbers(owners: Owners, self: string): number[] {
  const owned: number[] = [];
  for (let vlan = minVlan; vlan <= maxVlan; vlan += 1) if (owners.ofNumber(vlan) === self) owned.push(vlan);
  return owned;
}

/** A roster is in force: numbers that it gives to others are no longer ours. Those that it gives us are gained later. */
export function followRoster(standing: Standing, roster: RosterView, owned: readonly number[]): Standing {
  if (roster.version === standing.version) return standing;
  const isOwned = new Set(owned);
  const numbers = isBlind(standing, roster) ? [] : standing.numbers.filter((vlan) => isOwned.has(vlan));
  // A restart may go back to a roster that does not name them yet. One as new as the promise does, unless they were removed.
  const isThere = new Set(roster.ids);
  const asked = roster.version < standing.promised ? standing.asked : standing.asked.filter((id) => isThere.has(id));
  return {
    ...standing,
    version: roster.version,
    removals: roster.removals,
    ids: roster.ids,
    numbers,
    asked,
  };
}

/**
 * Between the two rosters a node may have come, owned some of our numbers, given them away and gone. Its rows may be with any
 * member, so all of them have to be asked. A step of one version is one edit, and cannot hide that.
 */
function isBlind(standing: Standing, roster: RosterView): boolean {
  if (roster.version === standing.version + 1) return false;
  if (standing.removals === null || roster.removals !== standing.removals) return true;
  const known = new Set(standing.ids);
  const members = new Set(roster.members);
  return roster.ids.some((id) => !known.has(id) && !members.has(id));
}

/** Every member that might give away our numbers has confirmed: what the roster gives us is ours. */
export function gainNumbers(standing: Standing, owned: readonly number[]): Standing {
  return { ...standing, numbers: owned, established: standing.established ?? standing.ids };
}

/** Promises another member to follow no roster older than this one. */
export function promise(standing: Standing, version: number, to: string): Standing {
  const asked = standing.asked.includes(to) ? standing.asked : [...standing.asked, to];
  if (asked === standing.asked && standing.promised >= version) return standing;
  return { ...standing, promised: Math.max(standing.promised, version), asked };
}

/**
 * Those of these members that never gained a number, as far as this node can tell: they came after it had its own, and a node
 * cannot gain numbers without asking it. So nobody has to wait for a member that was admitted and never started.
 */
export function neverAsked(standing: Standing, ids: readonly string[]): string[] {
  if (standing.established === null) return [];
  const known = new Set([...standing.established, ...standing.asked]);
  return ids.filter((id) => !known.has(id));
}
