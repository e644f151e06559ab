// When a silent neighbour is suspected, probed and dropped, and how our own lateness is kept from looking like theirs.
//
//   heard --3 missed heartbeats--> suspected, probed through others --no answer--> dropped
//                                        '--an answer through another--> kept a while longer, at most to silentMaxMs

export const heartbeatMs = 1_000;
/** Three heartbeats and the delay of one tick. */
const suspectAfterMs = 3_050;
const probeMs = 400;
/** An answer through others shows that the node lives; its link to us has this long to say so too. */
const confirmedMs = 3_000;
const silentMaxMs = 10_000;
/** When our own loop is later than this, silence says more about us than about the neighbour. */
const lateMs = 150;
const maxScore = 4;

export interface Suspicion {
  /** Monotonic milliseconds. */
  heardAt: number;
  /** Null while not suspected. */
  suspectedAt: number | null;
  /** Not dropped before this, by an answer through others. */
  confirmedUntil: number;
}

export function freshSuspicion(now: number): Suspicion {
  return { heardAt: now, suspectedAt: null, confirmedUntil: 0 };
}

export function heard(suspicion: Suspicion, now: number): void {
  suspicion.heardAt = now;
  suspicion.suspectedAt = null;
}

/** Someone else reached the node for us. */
export function confirmed(suspicion: Suspicion, now: number): void {
  if (suspicion.suspectedAt !== null) suspicion.confirmedUntil = now + confirmedMs;
}

/** What to do about a neighbour now. `probe` comes once per suspicion. */
export function stepSuspicion(suspicion: Suspicion, now: number, health: LocalHealth): 'wait' | 'probe' | 'drop' {
  const silentMs = now - suspicion.heardAt;
  if (suspicion.suspectedAt === null) {
    if (silentMs < suspectAfterMs * health.factor()) return 'wait';
    suspicion.suspectedAt = now;
    return 'probe';
  }
  if (now - suspicion.suspectedAt < probeMs * health.factor()) return 'wait';
  if (now < suspicion.confirmedUntil && silentMs < silentMaxMs) return 'wait';
  return 'drop';
}

/**
 * Our own health, after Lifeguard (Dadgar, Phillips, Currey 2018): a node whose ticks come late was deaf for that time.
 * The time is given back to every neighbour, and while lateness repeats, all patience grows.
 */
export class LocalHealth {
  private readonly tickMs: number;
  private lastTickAt: number;
  private score = 0;
  private goodSince: number;

  constructor(now: number, tickMs: number) {
    this.tickMs = tickMs;
    this.lastTickAt = now;
    this.goodSince = now;
  }

  /** Call at each tick; returns the milliseconds by which each neighbour's `heardAt` must move forward. */
  tick(now: number): number {
    const late = now - this.lastTickAt - this.tickMs;
    this.lastTickAt = now;
    if (late < lateMs) {
      if (this.score > 0 && now - this.goodSince > 2_000) {
        this.score -= 1;
        this.goodSince = now;
      }
      return 0;
    }
    this.score = Math.min(maxScore, this.score + 1);
    this.goodSince = now;
    return late;
  }

  /** 1 when healthy, up to 2. */
  factor(): number {
    return 1 + this.score / maxScore;
  }
}
