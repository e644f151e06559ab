// The streams of one link: legs with their ids and credit, and the turns they take. Control frames go out at once; data waits
// here, not in the connection, until the neighbour has read enough of what went before (SPEC B6).
//
// INVARIANTS
// - A leg's id is free once no honest frame for it can come: both sides sent `close` without a reason, or one sent
//   a reason and the other confirmed it.
// - Data that the neighbour sent and nobody took yet costs at most `streamWindowBytes` a leg.
// - Every leg that was made reports its end to its owner once, by `onFreed`.
import {
  maxStreamChunkBytes,
  maxStreamsPerLink,
  maxUnreadLinkBytes,
  streamConfirmMs,
  streamWindowBytes,
} from '../../contract/limits.ts';
import { frameType } from './frames.ts';
import {
  closeFrame,
  costOf,
  creditFrame,
  isData,
  legOf,
  openFrame,
  passOpenOn,
  readClose,
  readCredit,
  readOpen,
  setLeg,
  type CloseReason,
  type Open,
} from './stream-frames.ts';

/** What a neighbour may read before it reports that. */
const reportBytes = maxUnreadLinkBytes / 4;
/** A neighbour that granted more than this grants what it cannot mean. */
const maxHeldCredit = 1024 * 1024 * 1024;
const maxLegId = 0x7fff_fff0;
const confirmation: CloseReason = { code: 'cancelled', message: '' };

/** What a leg tells the end or the relay that it belongs to. */
export interface LegOwner {
  /** The service at the far end took the stream; only for the side that opened this leg. */
  onAccepted(leg: Leg): void;
  /** A data frame, which the owner may keep and change. It calls `grant` once it has passed it on. */
  onData(leg: Leg, frame: Uint8Array): void;
  /** The other side sends no more data. */
  onEnd(leg: Leg): void;
  /** A frame of this cost has left, or the end that was asked for. */
  onSent(leg: Leg, cost: number): void;
  /** It was closed by the other side, or its link is gone. Not for what the owner closed itself. */
  onClosed(leg: Leg, reason: CloseReason): void;
  /** Nothing of it is left on its link. */
  onFreed(leg: Leg): void;
}

/** What sends frames to the neighbour. */
export interface StreamLink {
  readonly peerId: string;
  /** We dialled it. */
  readonly isOurDial: boolean;
  send(frame: Uint8Array): void;
  /** The same, without counting as a sign of life. */
  sendData(frame: Uint8Array): void;
}

export interface LinkStreamsEvents {
  /** The neighbour wants a stream: a leg for it, or why not. False: the open is malformed. */
  onOpen(streams: LinkStreams, frame: Uint8Array, open: Open): Leg | CloseReason | false;
}

/** One stream on one link. */
export class Leg {
  readonly streams: LinkStreams;
  readonly id: number;
  /** We opened it on this link. */
  readonly isOpener: boolean;
  owner: LegOwner;
  /** When anything of it moved last. */
  movedAt: number;
  /** The service took the stream. */
  isAccepted = false;
  /** We sent our last data, or they did. */
  hasSentEnd = false;
  hasGotEnd = false;
  /** We closed it for a reason, and wait for the confirmation. */
  closedAt: number | null = null;
  isFreed = false;
  /** Of frames that wait to be sent. */
  queuedCost = 0;
  private queue: Uint8Array[] = [];
  private isEnding = false;
  private credit: number;
  /** What the neighbour may still send. */
  private allowance: number;
  private toGrant = 0;

  constructor(
    facts: { streams: LinkStreams; id: number; isOpener: boolean; credit: number; now: number },
    owner: LegOwner,
  ) {
    this.streams = facts.streams;
    this.id = facts.id;
    this.isOpener = facts.isOpener;
    this.credit = facts.credit;
    this.allowance = facts.isOpener ? streamWindowBytes : 0;
    this.movedAt = facts.now;
    this.owner = owner;
  }

  /** Nothing more comes of it, and nothing can be sent. */
  get isOver(): boolean {
    return this.isFreed || this.closedAt !== null;
  }

  /** Tells the side that opened it that the service took the stream. */
  accept(): void {
    if (this.isOver || this.isAccepted) return;
    this.isAccepted = true;
    this.allowance = streamWindowBytes;
    this.streams.sendControl(creditFrame(this.id, streamWindowBytes));
  }

  /** Queues a data frame; the owner bounds how many. */
  push(frame: Uint8Array): void {
    if (this.isOver || this.isEnding) return;
    setLeg(frame, this.id);
    this.queue.push(frame);
    this.queuedCost += costOf(frame);
    this.streams.hasWork(this);
  }

  /** Ends our direction, behind what is queued. */
  end(): void {
    if (this.isOver || this.isEnding) return;
    this.isEnding = true;
    this.streams.hasWork(this);
  }

  /** The owner passed on data of this cost: the neighbour may send more. */
  grant(cost: number): void {
    if (this.isOver || this.hasGotEnd) return;
    this.toGrant += cost;
    if (this.toGrant < streamWindowBytes / 2) return;
    this.allowance += this.toGrant;
    this.streams.sendControl(creditFrame(this.id, this.toGrant));
    this.toGrant = 0;
  }

  /** Ends both directions for a reason. */
  close(reason: CloseReason): void {
    if (this.isOver) return;
    this.dropQueue();
    this.closedAt = this.streams.now();
    this.streams.sendControl(closeFrame(this.id, reason));
  }

  /** A frame waits, and the credit covers it. */
  get hasFrame(): boolean {
    const [frame] = this.queue;
    return frame !== undefined && !this.isOver && costOf(frame) <= this.credit;
  }

  /** The next frame to send now, or null. */
  takeFrame(): Uint8Array | null {
    const frame = this.hasFrame ? this.queue.shift() : undefined;
    if (!frame) return null;
    const cost = costOf(frame);
    this.queuedCost -= cost;
    this.credit -= cost;
    return frame;
  }

  /** Sends the end that was asked for, once nothing waits before it. */
  endIfDue(): void {
    if (!this.isEnding || this.hasSentEnd || this.queue.length > 0 || this.isOver) return;
    this.hasSentEnd = true;
    this.streams.sendControl(closeFrame(this.id));
    this.owner.onSent(this, 0);
    this.freeIfDone();
  }

  /** These take what the neighbour sent; false when it is malformed. */
  onData(frame: Uint8Array): boolean {
    if (!isData(frame) || this.hasGotEnd || (this.isOpener && !this.isAccepted)) return false;
    const cost = costOf(frame);
    if (cost > this.allowance) return false;
    this.allowance -= cost;
    this.movedAt = this.streams.now();
    if (this.closedAt === null) this.owner.onData(this, frame);
    return true;
  }

  onCredit(bytes: number): boolean {
    this.credit += bytes;
    if (this.credit > maxHeldCredit) return false;
    this.movedAt = this.streams.now();
    if (this.closedAt !== null) return true;
    if (this.isOpener && !this.isAccepted) {
      this.isAccepted = true;
      this.owner.onAccepted(this);
    }
    this.streams.hasWork(this);
    return true;
  }

  onClose(reason: CloseReason | 'end'): boolean {
    this.movedAt = this.streams.now();
    if (reason === 'end') {
      if (this.hasGotEnd || (this.isOpener && !this.isAccepted)) return false;
      this.hasGotEnd = true;
      if (this.closedAt === null) this.owner.onEnd(this);
      this.freeIfDone();
      return true;
    }
    const isConfirmation = this.closedAt !== null;
    if (!isConfirmation) {
      this.dropQueue();
      this.closedAt = this.streams.now();
      this.streams.sendControl(closeFrame(this.id, confirmation));
      this.owner.onClosed(this, reason);
    }
    this.free();
    return true;
  }

  /** Its link is gone. */
  cut(reason: CloseReason): void {
    if (this.isFreed) return;
    const wasOver = this.closedAt !== null;
    this.dropQueue();
    this.closedAt ??= this.streams.now();
    if (!wasOver) this.owner.onClosed(this, reason);
    this.free();
  }

  /** Both directions ended in order. The other side may have closed it for a reason meanwhile; that finds no leg. */
  private freeIfDone(): void {
    if (this.hasSentEnd && this.hasGotEnd) this.free();
  }

  private free(): void {
    if (this.isFreed) return;
    this.isFreed = true;
    this.streams.forget(this);
    this.owner.onFreed(this);
  }

  private dropQueue(): void {
    this.queue = [];
    this.queuedCost = 0;
  }
}

export class LinkStreams {
  readonly link: StreamLink;
  private readonly events: LinkStreamsEvents;
  readonly now: () => number;
  private readonly legs = new Map<number, Leg>();
  /** Legs that may have something to send, in the order of their turns. */
  private readonly ready = new Set<Leg>();
  private lastId: number;
  private openedByPeer = 0;
  private openedByUs = 0;
  /** Data that the neighbour has not reported as read. */
  private unread = 0;
  /** Data that we read and did not report yet. */
  private unreported = 0;
  private isPumping = false;
  private isCut = false;

  constructor(components: { link: StreamLink; now: () => number; events: LinkStreamsEvents }) {
    this.link = components.link;
    this.now = components.now;
    this.events = components.events;
    this.lastId = this.link.isOurDial ? -1 : 0;
  }

  get size(): number {
    return this.legs.size;
  }

  get isFullForPeer(): boolean {
    return this.openedByPeer >= maxStreamsPerLink;
  }

  get isFullForUs(): boolean {
    return this.openedByUs >= maxStreamsPerLink || this.isCut;
  }

  /** Opens a leg with the first frame of a stream. Ask `isFullForUs` before. */
  open(path: readonly string[], body: Uint8Array, owner: LegOwner): Leg {
    return this.sendOpen(openFrame({ path, place: 1, window: streamWindowBytes }, body), owner);
  }

  /** Opens the next leg of a stream that came in. Ask `isFullForUs` before. */
  passOn(frame: Uint8Array, owner: LegOwner): Leg {
    passOpenOn(frame, streamWindowBytes);
    return this.sendOpen(frame, owner);
  }

  /** A leg that the neighbour opened; its owner accepts or closes it. */
  take(id: number, credit: number, owner: LegOwner): Leg {
    this.openedByPeer += 1;
    return this.add(new Leg({ streams: this, id, isOpener: false, credit, now: this.now() }, owner));
  }

  /** Handles the frames of this section; false if malformed. */
  onFrame(frame: Uint8Array): boolean {
    const id = legOf(frame);
    const leg = this.legs.get(id);
    switch (frame[0]) {
      case frameType.open:
        return this.onOpen(id, frame);
      case frameType.data:
        if (!leg?.onData(frame)) return false;
        this.unreported += costOf(frame);
        if (this.unreported >= reportBytes) {
          this.sendControl(creditFrame(0, this.unreported));
          this.unreported = 0;
        }
        return true;
      case frameType.credit: {
        const bytes = readCredit(frame);
        if (bytes === null) return false;
        if (id !== 0) return leg?.onCredit(bytes) ?? true;
        this.unread -= bytes;
        if (this.unread < 0) return false;
        this.pump();
        return true;
      }
      case frameType.close: {
        const reason = readClose(frame);
        return reason !== null && (leg?.onClose(reason) ?? true);
      }
      default:
        return false;
    }
  }

  /** Something of this leg may be ready to be sent. */
  hasWork(leg: Leg): void {
    this.ready.add(leg);
    this.pump();
  }

  sendControl(frame: Uint8Array): void {
    if (!this.isCut) this.link.send(frame);
  }

  /** Legs that wait too long for the confirmation of their close. */
  hasUnconfirmed(now: number): boolean {
    for (const { closedAt } of this.legs.values())
      if (closedAt !== null && now - closedAt > streamConfirmMs) return true;
    return false;
  }

  /** The link is gone: all its legs end with this reason. */
  cut(reason: CloseReason): void {
    this.isCut = true;
    for (const leg of [...this.legs.values()]) leg.cut(reason);
    this.ready.clear();
  }

  forget(leg: Leg): void {
    if (!this.legs.delete(leg.id)) return;
    this.ready.delete(leg);
    if (leg.isOpener) this.openedByUs -= 1;
    else this.openedByPeer -= 1;
  }

  private onOpen(id: number, frame: Uint8Array): boolean {
    const isTheirs = id > 0 && (id % 2 === 1) !== this.link.isOurDial;
    const open = readOpen(frame);
    if (!isTheirs || !open || this.legs.has(id)) return false;
    const verdict = this.events.onOpen(this, frame, open);
    if (verdict === false) return false;
    // Refused without keeping anything: no data may come for it, and its confirmation finds no leg.
    if (!(verdict instanceof Leg)) this.sendControl(closeFrame(id, verdict));
    return true;
  }

  private sendOpen(frame: Uint8Array, owner: LegOwner): Leg {
    this.openedByUs += 1;
    const leg = this.add(
      new Leg({ streams: this, id: this.freeId(), isOpener: true, credit: 0, now: this.now() }, owner),
    );
    setLeg(frame, leg.id);
    this.sendControl(frame);
    return leg;
  }

  private add(leg: Leg): Leg {
    this.legs.set(leg.id, leg);
    return leg;
  }

  /** Counting up: an id comes again only after two thousand million others. */
  private freeId(): number {
    do this.lastId = this.lastId >= maxLegId ? (this.link.isOurDial ? 1 : 2) : this.lastId + 2;
    while (this.legs.has(this.lastId));
    return this.lastId;
  }

  /** A frame of each leg in turn, as long as the neighbour keeps up. */
  private pump(): void {
    // What an owner does when its frame has left may come back here.
    if (this.isPumping) return;
    this.isPumping = true;
    try {
      // A leg that is put back is met again in the same loop, after the others.
      for (const leg of this.ready) {
        if (leg.hasFrame && this.unread + maxStreamChunkBytes > maxUnreadLinkBytes) continue;
        this.ready.delete(leg);
        const frame = leg.takeFrame();
        if (!frame) {
          leg.endIfDue();
          continue;
        }
        const cost = costOf(frame);
        this.unread += cost;
        this.link.sendData(frame);
        this.ready.add(leg);
        leg.owner.onSent(leg, cost);
      }
    } finally {
      this.isPumping = false;
    }
  }
}
