// Answers for members to which there is no route yet. A request can be quicker than the news of its sender's links, and its answer then has
// no way back (SPEC U8). Owns those answers until a way is there, or it has been too long.
import { keptAnswerMs, maxKeptAnswers, maxKeptAnswersBytes } from '../../contract/limits.ts';
import type { MeshParts } from './parts.ts';
import type { Unicast } from './unicast.ts';

interface KeptAnswer {
  readonly to: string;
  readonly id: number;
  readonly body: Uint8Array;
  readonly until: number;
}

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

  /** Sends an answer now, or when there is a route. Above the bounds the oldest answers go. */
  send(to: string, id: number, body: Uint8Array): void {
    if (this.unicast.send(to, id, body)) return;
    this.drop(to, id);
    this.kept.set(keyOf(to, id), { to, id, body, until: this.clock.now() + keptAnswerMs });
    this.bytes += body.length;
    for (const oldest of this.kept.values()) {
      if (this.kept.size <= maxKeptAnswers && this.bytes <= maxKeptAnswersBytes) break;
      this.drop(oldest.to, oldest.id);
    }
  }

  /** Nobody waits for it any more. */
  drop(to: string, id: number): void {
    const answer = this.kept.get(keyOf(to, id));
    if (!answer) return;
    this.kept.delete(keyOf(to, id));
    this.bytes -= answer.body.length;
  }

  tick(): void {
    const now = this.clock.now();
    for (const { to, id, body, until } of this.kept.values()) {
      if (now >= until || this.unicast.send(to, id, body)) this.drop(to, id);
    }
  }

  clear(): void {
    this.kept.clear();
    this.bytes = 0;
  }
}

const keyOf = (to: string, id: number) => `${to} ${id}`;
