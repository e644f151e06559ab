// Flooding: sends link states and the roster to all. States go out on change, at most once per 50 ms and link; a neighbour
// does not get what it is known to have. At link-up and at each check period neighbours compare summaries and exchange what
// differs.
import { frameType, jsonFrame, numberFrame, readJson, readNumber, readSummary, summaryFrame } from './frames.ts';
import type { Link } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { Timer } from './clock.ts';
import { describeNode, type MeshParts } from './parts.ts';

const coalesceMs = 50;
/** A digest answers a digest only this much later: one exchange, no echo. */
const digestEchoMs = 1_000;
const rosterFetchMs = 2_000;
const maxStatesBytes = 1024 * 1024;
/** The log names a node whose clock is wrong this often at most. */
const aheadWarningMs = 60_000;

export class Flooding {
  private readonly parts: MeshParts;
  private readonly links: LinkTable;
  private readonly onMapChanged: () => void;
  /** Places of states to send to neighbours that lack them. */
  private dirty: number[] = [];
  private isDirty = new Uint8Array(64);
  private isSelfDirty = false;
  private timer: Timer | null = null;
  private lastFlushAt = -Infinity;
  private rosterFetch: { version: number; at: number; link: Link } | null = null;
  private aheadWarnedAt = -Infinity;
  private isStopped = false;

  constructor(components: { parts: MeshParts; links: LinkTable; onMapChanged: () => void }) {
    this.parts = components.parts;
    this.links = components.links;
    this.onMapChanged = components.onMapChanged;
  }

  /** Our links or our degree changed: tell the others. */
  selfChanged(): void {
    this.isSelfDirty = true;
    this.schedule();
  }

  linkUp(link: Link): void {
    this.selfChanged();
    this.sendSummary(link);
    if (link.peerRosterVersion > this.parts.roster.version) this.fetchRoster(link, link.peerRosterVersion);
  }

  /** The periodic check (`-msa`). */
  check(): void {
    if (this.parts.map.restartIfAhead()) {
      this.parts.map.setKnownBySlots(this.parts.map.self.place, 0);
      this.markDirty(this.parts.map.self.place);
      this.schedule();
    }
    for (const link of this.links.up()) this.sendSummary(link);
  }

  rosterChanged(): void {
    // States of newcomers were dropped until the roster named them: neighbours send them again.
    if (this.parts.map.hasDropped) {
      this.parts.map.hasDropped = false;
      for (const link of this.links.up()) this.sendDigest(link);
    }
    const frame = numberFrame(frameType.rosterHave, this.parts.roster.version);
    for (const link of this.links.up()) {
      if (link.peerRosterVersion < this.parts.roster.version) link.send(frame, this.parts.clock.now());
    }
  }

  /** Handles the frames of this part; false if malformed. */
  onFrame(link: Link, frame: Uint8Array): boolean {
    switch (frame[0]) {
      case frameType.states:
        return this.onStates(link, frame);
      case frameType.summary:
        return this.onSummary(link, frame);
      case frameType.digest:
        return this.onDigest(link, frame);
      case frameType.rosterHave: {
        const version = readNumber(frame);
        if (version === null) return false;
        link.peerRosterVersion = Math.max(link.peerRosterVersion, version);
        if (version > this.parts.roster.version) this.fetchRoster(link, version);
        return true;
      }
      case frameType.rosterWant:
        link.send(jsonFrame(frameType.roster, this.parts.roster.signed), this.parts.clock.now());
        return frame.length === 1;
      case frameType.roster: {
        const result = this.parts.roster.apply(readJson(frame, 1));
        this.askNextForRoster();
        if (!result.ok) {
          this.parts.log.warn(
            `mesh: ${describeNode(this.parts, link.peerId)} sent a roster that is not taken: ${result.message}`,
          );
        }
        return result.ok;
      }
      default:
        return false;
    }
  }

  /** Called often: continues with neighbours that were congested. */
  tick(): void {
    this.fetchRosterElsewhere();
    for (const link of this.links.up()) {
      if (link.backlog.size > 0 && !link.isCongested) {
        this.schedule();
        return;
      }
    }
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  private onStates(link: Link, frame: Uint8Array): boolean {
    const { bit } = link;
    const { map } = this.parts;
    const versionBefore = map.version;
    const isWhole = map.receive(frame, 1, (place, reception) => {
      switch (reception) {
        case 'fresh':
          map.setKnownBySlots(place, bit);
          this.markDirty(place);
          if (link.backlog.size > 0) link.backlog.delete(place);
          break;
        case 'same':
          map.setKnownBySlots(place, map.knownBySlots(place) | bit);
          break;
        case 'stale':
          link.backlog.add(place);
          this.schedule();
          break;
        case 'ahead':
          this.warnAhead(place);
          break;
        case 'own':
          map.setKnownBySlots(place, 0);
          this.markDirty(place);
          this.selfChanged();
          break;
      }
    });
    if (map.version !== versionBefore) {
      this.schedule();
      this.onMapChanged();
    }
    return isWhole;
  }

  private onSummary(link: Link, frame: Uint8Array): boolean {
    const theirs = readSummary(frame);
    if (!theirs) return false;
    const ours = this.parts.map.summary();
    if (theirs.hash0 !== ours.hash0 || theirs.hash1 !== ours.hash1 || theirs.count !== ours.count)
      this.sendDigest(link);
    link.peerRosterVersion = Math.max(link.peerRosterVersion, theirs.rosterVersion);
    if (theirs.rosterVersion > this.parts.roster.version) this.fetchRoster(link, theirs.rosterVersion);
    return true;
  }

  private onDigest(link: Link, frame: Uint8Array): boolean {
    const difference = this.parts.map.compare(frame, 1);
    if (!difference) return false;
    for (const place of difference.theyLack) link.backlog.add(place);
    if (difference.theyLack.length > 0) this.schedule();
    if (difference.weLack && this.parts.clock.now() - link.digestSentAt > digestEchoMs) this.sendDigest(link);
    return true;
  }

  private sendSummary(link: Link): void {
    link.send(summaryFrame(this.parts.map.summary(), this.parts.roster.version), this.parts.clock.now());
  }

  private sendDigest(link: Link): void {
    const now = this.parts.clock.now();
    link.digestSentAt = now;
    const frame = this.parts.map.digest(1);
    frame[0] = frameType.digest;
    link.send(frame, now);
  }

  private fetchRoster(link: Link, version: number): void {
    const now = this.parts.clock.now();
    // One copy is enough: when this neighbour does not send it, we ask others that have it.
    if (this.rosterFetch) return;
    this.rosterFetch = { version, at: now, link };
    link.rosterAskedAt = now;
    link.send(Uint8Array.of(frameType.rosterWant), now);
  }

  /**
   * The neighbour that was asked did not send. The next is the one asked longest ago of those that claim a newer roster, so
   * that a neighbour with false claims does not stop us from asking the others.
   */
  private fetchRosterElsewhere(): void {
    if (this.rosterFetch && this.parts.clock.now() - this.rosterFetch.at >= rosterFetchMs) this.askNextForRoster();
  }

  private askNextForRoster(): void {
    this.rosterFetch = null;
    const { version } = this.parts.roster;
    const [next] = this.links
      .up()
      .filter((link) => link.peerRosterVersion > version)
      .sort((a, b) => a.rosterAskedAt - b.rosterAskedAt);
    if (next) this.fetchRoster(next, next.peerRosterVersion);
  }

  private warnAhead(place: number): void {
    const now = this.parts.clock.now();
    if (now - this.aheadWarnedAt < aheadWarningMs) return;
    this.aheadWarnedAt = now;
    const id = this.parts.map.idAt(place);
    this.parts.log.warn(
      `mesh: what ${describeNode(this.parts, id)} says of itself is dated more than a day ahead of this node's clock, so it is not taken: set the clocks`,
    );
  }

  private markDirty(place: number): void {
    if (this.isDirty[place] === 1) return;
    if (place >= this.isDirty.length) {
      const grown = new Uint8Array(Math.max(place + 1, this.isDirty.length * 2));
      grown.set(this.isDirty);
      this.isDirty = grown;
    }
    this.isDirty[place] = 1;
    this.dirty.push(place);
  }

  private schedule(): void {
    if (this.timer || this.isStopped) return;
    const waitMs = Math.max(0, this.lastFlushAt + coalesceMs - this.parts.clock.now());
    this.timer = this.parts.clock.after(waitMs, () => {
      this.timer = null;
      this.flush();
    });
  }

  private flush(): void {
    const { map, clock } = this.parts;
    this.lastFlushAt = clock.now();
    if (this.isSelfDirty) {
      this.isSelfDirty = false;
      const neighbours = this.links.up().map((link) => link.entry);
      if (map.setSelf(this.parts.degree(), neighbours)) {
        map.setKnownBySlots(map.self.place, 0);
        this.markDirty(map.self.place);
        this.onMapChanged();
      }
    }
    const { dirty } = this;
    this.dirty = [];
    for (const link of this.links.up()) this.flushTo(link, dirty);
    for (const place of dirty) this.isDirty[place] = 0;
  }

  private flushTo(link: Link, dirty: readonly number[]): void {
    const { bit } = link;
    const { map } = this.parts;
    let batch: number[] = [];
    for (const place of dirty) {
      const known = map.knownBySlots(place);
      if ((known & bit) !== 0) continue;
      map.setKnownBySlots(place, known | bit);
      batch.push(place);
    }
    if (link.isCongested) {
      // Kept as a set, not as frames: newer versions take the place of older ones.
      for (const place of batch) link.backlog.add(place);
      return;
    }
    if (link.backlog.size > 0) {
      for (const place of batch) link.backlog.add(place);
      batch = [...link.backlog];
      link.backlog.clear();
    }
    let start = 0;
    while (start < batch.length) start = this.sendStates(link, batch, start);
  }

  /** Sends states from `start` on, as many as one frame takes; returns where it stopped. */
  private sendStates(link: Link, batch: readonly number[], start: number): number {
    let bytes = 1;
    let end = start;
    for (let place = batch[end]; place !== undefined; place = batch[end]) {
      const length = this.parts.map.stateLength(place);
      if (end > start && bytes + length > maxStatesBytes) break;
      bytes += length;
      end += 1;
    }
    const frame = new Uint8Array(bytes);
    frame[0] = frameType.states;
    this.parts.map.copyStates(batch, start, end, frame, 1);
    link.countStates(end - start);
    link.send(frame, this.parts.clock.now());
    return end;
  }
}
