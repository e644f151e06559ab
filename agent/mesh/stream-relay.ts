// A stream that passes this node: two legs, and nothing but what the slower of them has not taken yet.
import type { Leg, LegOwner, LinkStreams } from './link-streams.ts';
import type { CloseReason } from './stream-frames.ts';

export class StreamRelay implements LegOwner {
  readonly from: string;
  readonly to: string;
  readonly legs: Leg[] = [];
  private readonly onOver: () => void;

  constructor(facts: { from: string; to: string }, components: { onOver: () => void }) {
    this.from = facts.from;
    this.to = facts.to;
    this.onOver = components.onOver;
  }

  /** Takes the stream from one link and opens it on the next; the open's frame is used up. */
  join(incoming: { streams: LinkStreams; id: number; window: number }, next: LinkStreams, frame: Uint8Array): Leg {
    const leg = incoming.streams.take(incoming.id, incoming.window, this);
    this.legs.push(leg);
    this.legs.push(next.passOn(frame, this));
    return leg;
  }

  close(reason: CloseReason): void {
    for (const leg of this.legs) leg.close(reason);
  }

  onAccepted(leg: Leg): void {
    this.other(leg)?.accept();
  }

  onData(leg: Leg, frame: Uint8Array): void {
    this.other(leg)?.push(frame);
  }

  onEnd(leg: Leg): void {
    this.other(leg)?.end();
  }

  onSent(leg: Leg, cost: number): void {
    if (cost > 0) this.other(leg)?.grant(cost);
  }

  onClosed(leg: Leg, reason: CloseReason): void {
    this.other(leg)?.close(reason);
  }

  onFreed(): void {
    if (this.legs.every(({ isFreed }) => isFreed)) this.onOver();
  }

  private other(leg: Leg): Leg | undefined {
    return this.legs.find((each) => each !== leg);
  }
}
