// What to do with a member that calls: which of two links between the same two nodes stays. Both sides decide alone and
// must agree, so the rule depends only on what both know: the ids, and who dialled.
//
// Of two dials at the same time the one of the node with the smaller id stays. A caller whose earlier link we still
// hold has lost it (a restart, a cut): the new one replaces it.

export interface CallerFacts {
  selfId: string;
  callerId: string;
  /** The link we hold with the caller. */
  existing: { isOurDial: boolean; ageMs: number; peerIncarnation: number } | null;
  callerIncarnation: number;
  /** Our own dial to the caller: `greeting` once its TLS is up and our hello is on the way. */
  ownDial: 'none' | 'connecting' | 'greeting';
}

/** A link that we dialled and that is younger than this may cross with the caller's dial. */
const crossingMs = 3_000;

export function judgeCaller(facts: CallerFacts): 'accept' | 'duplicate' {
  const ours = facts.selfId < facts.callerId;
  const { existing } = facts;
  if (existing) {
    const isCrossing =
      existing.isOurDial && existing.ageMs < crossingMs && existing.peerIncarnation === facts.callerIncarnation;
    return isCrossing && ours ? 'duplicate' : 'accept';
  }
  return facts.ownDial === 'greeting' && ours ? 'duplicate' : 'accept';
}
