// Answers that have no way to the member that asked, yet. A request can be quicker than the news of its sender's links: then this node has no
// route, or a relay has none and sends the answer back (SPEC U8). Owns those answers until they are sent, or it has been too long.
import { keptAnswerMs, maxKeptAnswers, maxKeptAnswersBytes } from '../../contract/limits.ts';
import type { MeshParts } from './parts.ts';
import type { Unicast } from './unicast.ts';

interface KeptAnswer {
  readonly to: string;
  readonly id: number;
  readonly body: Uint8Array;
  /** It is on its way, and a relay may send it back. */
  isSent: boolean;
  bounces: number;
  /** Not sent again before. */
  dueAt: number;
  until: number;
}

/** A relay that sends an answer back does it at once: this is far more than a round trip. */
const bounceMs = 1_000;
const againMs = 250;
const maxBounces = 8;

export class KeptAnswers {
  private readonly clock: MeshParts['clock'];
  private readonly unicast: Pick<Unicast, 'send'>;
  /** The oldest first. */
  private readonly kept = new Map<string, KeptAnswer>();
  private bytes = 0;

  constructor(components: { clock: MeshParts['clock']; unicast: Pick<Unicast, 'send'> }) {
    this.clock = components.clock;
    this.unicast = components.unicast;
  }

  /** Sends an answer now, or when there is a route. Above the bounds those on their way are let go, and then the oldest. */
  send(to: string, id: number, body: Uint8Array): void {
    this.drop(to, id);
    const now = this.clock.now();
    const answer = { to, id, body, isSent: false, bounces: 0, dueAt: now, until: now + keptAnswerMs };
    this.trySend(answer);
    this.kept.set(keyOf(to, id), answer);
    this.bytes += body.length;
    while (this.kept.size > maxKeptAnswers || this.bytes > maxKeptAnswersBytes) {
      const all = [...this.kept.values()];
      const least = all.find(({ isSent }) => isSent) ?? all[0];
      if (!least) return;
      this.drop(least.to, least.id);
    }
  }

  /** Nobody waits for it now. */
  drop(to: string, id: number): void {
    const answer = this.kept.get(keyOf(to, id));
    if (!answer) return;
    this.kept.delete(keyOf(to, id));
    this.bytes -= answer.body.length;
  }

  /** A relay had no route: the answer was not delivered. */
  onBounce(to: string, id: number): void {
    const answer = this.kept.get(keyOf(to, id));
    if (!answer?.isSent) return;
    answer.bounces += 1;
    if (answer.bounces > maxBounces) {
      this.drop(to, id);
      return;
    }
    const now = this.clock.now();
    Object.assign(answer, { isSent: false, dueAt: now + againMs, until: now + keptAnswerMs });
  }

  tick(): void {
    const now = this.clock.now();
    for (const answer of this.kept.values()) {
      if (now >= answer.until) this.drop(answer.to, answer.id);
      else if (!answer.isSent && now >= answer.dueAt) this.trySend(answer);
    }
  }

  clear(): void {
    this.kept.clear();
    this.bytes = 0;
  }

  private trySend(answer: KeptAnswer): void {
    if (!this.unicast.send(answer.to, answer.id, answer.body)) return;
    answer.isSent = true;
    answer.until = this.clock.now() + bounceMs;
  }
}

const keyOf = (to: string, id: number) => `${to} ${id}`;
