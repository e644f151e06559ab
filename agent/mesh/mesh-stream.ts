// One end of a stream as Node's Duplex: both directions with back-pressure, each with its own end. What its reader does not
// take stays here, up to the credit that the neighbour was given; what the neighbour does not take stays with the writer.
import { Duplex } from 'node:stream';
import { AppError } from '../../contract/errors.ts';
import { maxStreamChunkBytes } from '../../contract/limits.ts';
import { errorCodeFrom } from './frames.ts';
import type { Leg, LegOwner } from './link-streams.ts';
import { costOf, dataFrame, payloadOf, reasonOf, type CloseReason } from './stream-frames.ts';

/** Frames made ahead of the link's turns. */
const queuedAhead = 4 * maxStreamChunkBytes;

export interface MeshStreamFacts {
  /** Nothing of the stream is left here. */
  readonly onOver: () => void;
}

export class MeshStream extends Duplex implements LegOwner {
  private readonly leg: Leg;
  private readonly facts: MeshStreamFacts;
  private readonly unread: Uint8Array[] = [];
  private isReading = false;
  private unsent: Buffer[] = [];
  /** Of the first piece of `unsent`. */
  private sentOfFirst = 0;
  private onTaken: (() => void) | null = null;
  private onEnded: (() => void) | null = null;

  constructor(leg: Leg, facts: MeshStreamFacts) {
    super({ allowHalfOpen: true });
    this.leg = leg;
    this.facts = facts;
    leg.owner = this;
    // Another member can end a stream with an error at any time: one that its user does not listen for ends the stream alone.
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.isReading = true;
    this.hand();
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.sendAll([chunk], callback);
  }

  override _writev(pieces: { chunk: Buffer }[], callback: () => void): void {
    this.sendAll(
      pieces.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: () => void): void {
    this.onEnded = callback;
    this.leg.end();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.leg.close(reasonOf(error));
    this.unread.length = 0;
    this.unsent = [];
    callback(error);
  }

  onAccepted(): void {
    // It was, before this stream was made.
  }

  onData(_leg: Leg, frame: Uint8Array): void {
    this.unread.push(frame);
    this.hand();
  }

  onEnd(): void {
    this.hand();
  }

  onSent(leg: Leg): void {
    if (leg.hasSentEnd) this.onEnded?.();
    else this.fill();
  }

  onClosed(_leg: Leg, reason: CloseReason): void {
    this.destroy(new AppError(errorCodeFrom(reason.code), reason.message));
  }

  onFreed(): void {
    this.facts.onOver();
  }

  private sendAll(pieces: Buffer[], callback: () => void): void {
    this.unsent = pieces.filter(({ length }) => length > 0);
    this.sentOfFirst = 0;
    this.onTaken = callback;
    this.fill();
  }

  private fill(): void {
    while (this.unsent.length > 0 && this.leg.queuedCost < queuedAhead) this.leg.push(this.nextFrame());
    const { onTaken } = this;
    if (this.unsent.length > 0 || !onTaken) return;
    this.onTaken = null;
    onTaken();
  }

  /** As much of what is written as one chunk holds: many small pieces are one frame. */
  private nextFrame(): Uint8Array {
    const waiting = this.unsent.reduce((sum, piece) => sum + piece.length, -this.sentOfFirst);
    const bytes = Math.min(maxStreamChunkBytes, waiting);
    const frame = dataFrame(bytes);
    const payload = payloadOf(frame);
    let filled = 0;
    for (let first = this.unsent[0]; first && filled < bytes; first = this.unsent[0]) {
      const taken = first.copy(payload, filled, this.sentOfFirst);
      filled += taken;
      this.sentOfFirst += taken;
      if (this.sentOfFirst < first.length) break;
      this.unsent.shift();
      this.sentOfFirst = 0;
    }
    return frame;
  }

  /** Gives the reader what it wants, and lets the neighbour send as much again. */
  private hand(): void {
    while (this.isReading) {
      const frame = this.unread.shift();
      if (!frame) break;
      this.isReading = false;
      // A reader that wants more calls `_read` from within.
      if (this.push(payloadOf(frame))) this.isReading = true;
      this.leg.grant(costOf(frame));
    }
    if (this.unread.length === 0 && this.leg.hasGotEnd) this.push(null);
  }
}
