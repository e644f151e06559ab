// Whom to dial, whom to refuse, which link to close. Decisions only: the caller gives facts, time and randomness.

/** Failed dials of one target wait 0.25 s, doubling to 30 s. */
const firstRetryMs = 250;
const lastRetryMs = 30_000;
const healFirstMs = 2_000;
const healLastMs = 30_000;
const postponeMs = 250;
const maxPostponed = 8;
/** A dial older than this no longer counts as under way for the degree: it may be a dead host's silence. */
export const dialIsSlowAfterMs = 500;

/** When a target may be dialled again. */
export class DialBackoff {
  private readonly byTarget = new Map<string, { failures: number; notBefore: number }>();

  mayDial(target: string, now: number): boolean {
    const known = this.byTarget.get(target);
    return !known || now >= known.notBefore;
  }

  failed(target: string, now: number, random: number): void {
    const failures = (this.byTarget.get(target)?.failures ?? 0) + 1;
    const waitMs = Math.min(lastRetryMs, firstRetryMs * 2 ** (failures - 1));
    this.byTarget.set(target, { failures, notBefore: now + waitMs * (0.5 + random) });
  }

  /** Not before `untilMs`, whatever happened so far: after a person hung up. */
  hold(target: string, until: number): void {
    this.byTarget.set(target, { failures: 0, notBefore: until });
  }

  succeeded(target: string): void {
    this.byTarget.delete(target);
  }
}

/**
 * How many dials to start now. Half of what is missing: every other node also dials, and each dial serves two nodes. Dialling
 * all at once would give twice the degree.
 */
export function dialsToStart(facts: {
  degree: number;
  links: number;
  dialling: number;
  diallingSlowly: number;
}): number {
  const missing = facts.degree - facts.links;
  if (missing <= 0) return 0;
  const wanted = Math.max(1, Math.floor(missing / 2)) - facts.dialling;
  // Slow ones may still succeed: never more under way than is missing.
  return Math.max(0, Math.min(wanted, missing - facts.dialling - facts.diallingSlowly));
}

/**
 * Picks a target: of two random candidates that are eligible, the one with fewer links. Small clusters are searched
 * whole, so that the last eligible node is found.
 */
export function pickDialTarget<T>(
  candidates: readonly T[],
  facts: { isEligible: (candidate: T) => boolean; links: (candidate: T) => number; random: () => number },
): T | null {
  const tries = 12;
  let best: T | null = null;
  let found = 0;
  for (let i = 0; i < tries && found < 2; i += 1) {
    const candidate = candidates[Math.floor(facts.random() * candidates.length)];
    if (candidate === undefined || candidate === best || !facts.isEligible(candidate)) continue;
    found += 1;
    if (best === null || facts.links(candidate) < facts.links(best)) best = candidate;
  }
  if (best !== null) return best;
  return pickFrom(candidates, facts.isEligible, facts.random());
}

/** The first eligible candidate from a random place on. */
export function pickFrom<T>(candidates: readonly T[], isEligible: (candidate: T) => boolean, random: number): T | null {
  const start = Math.floor(random * candidates.length);
  for (let i = 0; i < candidates.length; i += 1) {
    const candidate = candidates[(start + i) % candidates.length];
    if (candidate !== undefined && isEligible(candidate)) return candidate;
  }
  return null;
}

/**
 * A node with twice its degree in links sends callers on to others. It keeps callers that are absent from its map, which may
 * know nobody else, and callers that insist after others have refused them three times.
 */
export function mustRefuse(facts: {
  degree: number;
  links: number;
  /** Asked only when it matters: it may cost a search of the whole map. */
  callerIsInMap: () => boolean;
  callerInsists: boolean;
}): boolean {
  return facts.links >= 2 * facts.degree && !facts.callerInsists && facts.callerIsInMap();
}

/** The dial that heals splits: one absent member every 2 s, jittered, backing off to 30 s, reset by a link that comes up. */
export class HealSchedule {
  private intervalMs = healFirstMs;
  private nextAt: number;
  private postponed = 0;

  constructor(now: number, random: number) {
    // Dials for the degree come first, and need their time.
    this.nextAt = now + healFirstMs * (1 + random);
  }

  isDue(now: number): boolean {
    return now >= this.nextAt;
  }

  /** The map is filling: who seems absent may be on the way. Asked again soon, but not put off for ever. */
  postpone(now: number): boolean {
    if (this.postponed >= maxPostponed) return false;
    this.postponed += 1;
    this.nextAt = now + postponeMs;
    return true;
  }

  dialled(now: number, random: number): void {
    this.nextAt = now + this.intervalMs * (0.75 + random / 2);
    this.intervalMs = Math.min(healLastMs, this.intervalMs * 1.5);
    this.postponed = 0;
  }

  linkCameUp(now: number, random: number): void {
    this.intervalMs = healFirstMs;
    this.nextAt = Math.min(this.nextAt, now + healFirstMs * (0.75 + random / 2));
  }

  /** Nobody is absent: start over when somebody is. */
  nobodyAbsent(now: number): void {
    this.intervalMs = healFirstMs;
    this.nextAt = now + healFirstMs / 2;
  }
}

/**
 * The link to close when a node has more than twice its degree: the one to the neighbour with the largest surplus that can
 * spare it and stays reachable. Null without such a neighbour.
 */
export function pickExcessLink<T>(
  links: readonly T[],
  facts: { degree: number; surplus: (link: T) => number; isSpare: (link: T) => boolean },
): T | null {
  if (links.length <= 2 * facts.degree) return null;
  const spare = links.filter((link) => facts.surplus(link) > 0).sort((a, b) => facts.surplus(b) - facts.surplus(a));
  return spare.find((link) => facts.isSpare(link)) ?? null;
}
