// The link-state map: what each node last said of itself (degree and neighbours), newest version per origin. This file
// owns versions, encoding and the summary by which two maps are compared; it neither floods nor routes.
//
// One state on the wire, numbers big-endian (SPEC M4):
//   origin 16 | incarnation 6 | sequence 4 | degree 2 | count 2 | neighbour 16 × count
// An origin's newer state has the higher (incarnation, sequence). The incarnation is the start time in milliseconds; a
// node that meets a state of its own that is not older than what it says now goes on from that incarnation plus one.
//
// INVARIANT: bytes given to `receive` are not changed afterwards; entries keep pointing into them instead of copying,
// because at 1,000 nodes copies and decoding of states that are soon replaced would be most of the work.

const idBytes = 16;
const stateHeaderBytes = 30;
const digestRecordBytes = 26;
/** Origins kept. The roster has 4,096 at most; the rest is room for nodes that a newer roster names. */
const maxEntries = 8192;

/** What the map holds for one node. `incarnation` is -1 until the node was heard of. */
export class LinkStateEntry {
  readonly id: string;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  incarnation = -1;
  sequence = 0;
  degree = 0;
  /** In the roster and not revoked: only members count in the topology. */
  isMember = false;
  bytes: Uint8Array = empty;
  offset = 0;
  length = 0;
  /** Decoded on first use after a change. */
  neighbours: readonly LinkStateEntry[] | null = null;
  /** Links (by slot, 0-29) that are known to have this version. */
  knownBySlots = 0;
  isDirty = false;
  /** Scratch of digest comparison and of the topology's search: a value belongs to the search that wrote it. */
  digestMark = 0;
  searchMark = 0;
  hop: LinkStateEntry | null = null;
  hopSlots = 0;
  distance = 0;
  constructor(id: string, words: readonly [number, number, number, number]) {
    this.id = id;
    [this.w0, this.w1, this.w2, this.w3] = words;
  }
}

const empty = new Uint8Array(0);

/** `fresh`: newer than what we had. `same`: known. `stale`: ours is newer. `own`: a newer state of ourselves, from an earlier life. */
export type Reception = 'fresh' | 'same' | 'stale' | 'own';

export interface MapSummary {
  hash0: number;
  hash1: number;
  count: number;
}

export class LinkStateMap {
  readonly self: LinkStateEntry;
  /** Grows with every change that may change the topology. */
  version = 0;
  private readonly entries: LinkStateEntry[] = [];
  /** Open addressing by the first id word: places in `entries` plus one, 0 for free. A power of two, at most half full. */
  private places = new Int32Array(256);
  private readonly summaryNow: MapSummary = { hash0: 0, hash1: 0, count: 0 };
  private digestMarks = 0;

  constructor(selfId: string, incarnation: number) {
    this.self = this.add(selfId, wordsFromId(selfId));
    this.writeSelf(incarnation, 1, 0, []);
  }

  /** All nodes ever heard of or named, ourselves first. */
  all(): readonly LinkStateEntry[] {
    return this.entries;
  }

  get(id: string): LinkStateEntry | undefined {
    const [w0, w1, w2, w3] = wordsFromId(id);
    return this.find(w0, w1, w2, w3) ?? undefined;
  }

  /** The entry of a node, made if it is new; undefined when the map is full. */
  ensure(id: string): LinkStateEntry | undefined {
    return this.get(id) ?? (this.entries.length < maxEntries ? this.add(id, wordsFromId(id)) : undefined);
  }

  /** Sets who is a member. */
  setMembers(ids: Iterable<string>): void {
    for (const entry of this.entries) entry.isMember = false;
    for (const id of ids) {
      const entry = this.ensure(id);
      if (entry) entry.isMember = true;
    }
    this.version += 1;
  }

  /** Says something new of ourselves; false if it is what we said last. */
  setSelf(degree: number, neighbours: readonly LinkStateEntry[]): boolean {
    const before = this.neighboursOf(this.self);
    const isSame =
      degree === this.self.degree && before.length === neighbours.length && neighbours.every((n) => before.includes(n));
    if (isSame) return false;
    this.writeSelf(this.self.incarnation, this.self.sequence + 1, degree, neighbours);
    return true;
  }

  /**
   * Takes states from `bytes`, from `offset` to the end, and reports each to `visit`.
   * @returns false if the bytes are malformed; states before the fault were taken.
   */
  receive(bytes: Uint8Array, offset: number, visit: (entry: LinkStateEntry, reception: Reception) => void): boolean {
    const end = bytes.length;
    while (offset < end) {
      if (end - offset < stateHeaderBytes) return false;
      const length = stateHeaderBytes + idBytes * readU16(bytes, offset + 28);
      if (end - offset < length) return false;
      const entry = this.findAt(bytes, offset) ?? this.addAt(bytes, offset);
      if (entry) {
        const incarnation = readU48(bytes, offset + 16);
        const sequence = readU32(bytes, offset + 22);
        const order = incarnation - entry.incarnation || sequence - entry.sequence;
        if (order === 0) visit(entry, 'same');
        else if (order < 0) visit(entry, 'stale');
        else if (entry === this.self) {
          this.writeSelf(incarnation + 1, 1, entry.degree, this.neighboursOf(entry));
          visit(entry, 'own');
        } else {
          this.replace(entry, incarnation, sequence);
          entry.degree = readU16(bytes, offset + 26);
          entry.bytes = bytes;
          entry.offset = offset;
          entry.length = length;
          entry.neighbours = null;
          visit(entry, 'fresh');
        }
      }
      offset += length;
    }
    return true;
  }

  /** A node's neighbours as it lists them, decoded once per state. */
  neighboursOf(entry: LinkStateEntry): readonly LinkStateEntry[] {
    if (entry.neighbours) return entry.neighbours;
    const list: LinkStateEntry[] = [];
    const end = entry.offset + entry.length;
    for (let at = entry.offset + stateHeaderBytes; at < end; at += idBytes) {
      const neighbour = this.findAt(entry.bytes, at) ?? this.addAt(entry.bytes, at);
      if (neighbour) list.push(neighbour);
    }
    entry.neighbours = list;
    return list;
  }

  /** Writes the states of `entries[start..end)` to `target` from `at` on, neighbours in memory in one go. */
  copyStates(entries: readonly LinkStateEntry[], start: number, end: number, target: Uint8Array, at: number): void {
    for (let i = start; i < end;) {
      const first = entries[i];
      if (!first) return;
      const { bytes } = first;
      let stop = first.offset + first.length;
      for (i += 1; i < end; i += 1) {
        const next = entries[i];
        if (next?.bytes !== bytes || next.offset !== stop) break;
        stop += next.length;
      }
      target.set(first.offset === 0 && stop === bytes.length ? bytes : bytes.subarray(first.offset, stop), at);
      at += stop - first.offset;
    }
  }

  /** Equal summaries: equal maps, but for a chance of 2^-64. */
  summary(): Readonly<MapSummary> {
    return this.summaryNow;
  }

  /** The versions of all states: 16 + 6 + 4 bytes each, written to a new array after `room` free bytes. */
  digest(room: number): Uint8Array {
    const out = new Uint8Array(room + this.summaryNow.count * digestRecordBytes);
    let at = room;
    for (const entry of this.entries) {
      if (entry.incarnation < 0) continue;
      writeEntryId(entry, out, at);
      writeU48(out, at + 16, entry.incarnation);
      writeU32(out, at + 22, entry.sequence);
      at += digestRecordBytes;
    }
    return out;
  }

  /**
   * Compares another map's digest with this one.
   * @returns entries the other side lacks, and whether it has something that we lack; null if malformed
   */
  compare(bytes: Uint8Array, offset: number): { theyLack: LinkStateEntry[]; weLack: boolean } | null {
    if ((bytes.length - offset) % digestRecordBytes !== 0) return null;
    this.digestMarks += 1;
    const mark = this.digestMarks;
    const theyLack: LinkStateEntry[] = [];
    let weLack = false;
    for (let at = offset; at < bytes.length; at += digestRecordBytes) {
      const entry = this.findAt(bytes, at);
      if (!entry) {
        weLack = true;
        continue;
      }
      entry.digestMark = mark;
      const order = readU48(bytes, at + 16) - entry.incarnation || readU32(bytes, at + 22) - entry.sequence;
      if (order > 0) weLack = true;
      else if (order < 0) theyLack.push(entry);
    }
    for (const entry of this.entries) {
      if (entry.digestMark !== mark && entry.incarnation >= 0) theyLack.push(entry);
    }
    return { theyLack, weLack };
  }

  private writeSelf(
    incarnation: number,
    sequence: number,
    degree: number,
    neighbours: readonly LinkStateEntry[],
  ): void {
    const { self } = this;
    const bytes = new Uint8Array(stateHeaderBytes + neighbours.length * idBytes);
    writeEntryId(self, bytes, 0);
    writeU48(bytes, 16, incarnation);
    writeU32(bytes, 22, sequence);
    writeU16(bytes, 26, degree);
    writeU16(bytes, 28, neighbours.length);
    neighbours.forEach((neighbour, i) => {
      writeEntryId(neighbour, bytes, stateHeaderBytes + i * idBytes);
    });
    this.replace(self, incarnation, sequence);
    self.degree = degree;
    self.bytes = bytes;
    self.offset = 0;
    self.length = bytes.length;
    self.neighbours = [...neighbours];
  }

  private replace(entry: LinkStateEntry, incarnation: number, sequence: number): void {
    if (entry.incarnation >= 0) this.toggle(entry);
    else this.summaryNow.count += 1;
    entry.incarnation = incarnation;
    entry.sequence = sequence;
    this.toggle(entry);
    this.version += 1;
  }

  /** Adds or takes out an entry's version from the summary: the sum by exclusive or needs no order and no rescan. */
  private toggle(entry: LinkStateEntry): void {
    const low = entry.incarnation | 0;
    const high = (entry.incarnation / 0x100000000) | 0;
    let a = Math.imul(entry.w0 ^ low, 0x85ebca6b) ^ Math.imul(entry.w1 ^ entry.sequence, 0xc2b2ae35) ^ high;
    let b = Math.imul(entry.w2 ^ entry.sequence, 0x9e3779b1) ^ Math.imul(entry.w3 ^ low, 0x27d4eb2f) ^ high;
    a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d);
    b = Math.imul(b ^ (b >>> 13), 0x297a2d39);
    this.summaryNow.hash0 = (this.summaryNow.hash0 ^ a ^ (a >>> 12)) >>> 0;
    this.summaryNow.hash1 = (this.summaryNow.hash1 ^ b ^ (b >>> 15)) >>> 0;
  }

  private findAt(bytes: Uint8Array, at: number): LinkStateEntry | null {
    return this.find(readI32(bytes, at), readI32(bytes, at + 4), readI32(bytes, at + 8), readI32(bytes, at + 12));
  }

  /** Ids are random, so the first word is the hash, and nearly always decides. */
  private find(w0: number, w1: number, w2: number, w3: number): LinkStateEntry | null {
    const { places, entries } = this;
    const mask = places.length - 1;
    for (let at = w0 & mask; ; at = (at + 1) & mask) {
      const entry = entries[(places[at] ?? 0) - 1];
      if (!entry) return null;
      if (entry.w0 === w0 && entry.w1 === w1 && entry.w2 === w2 && entry.w3 === w3) return entry;
    }
  }

  private addAt(bytes: Uint8Array, at: number): LinkStateEntry | null {
    if (this.entries.length >= maxEntries) return null;
    return this.add(readId(bytes, at), [
      readI32(bytes, at),
      readI32(bytes, at + 4),
      readI32(bytes, at + 8),
      readI32(bytes, at + 12),
    ]);
  }

  private add(id: string, words: readonly [number, number, number, number]): LinkStateEntry {
    const entry = new LinkStateEntry(id, words);
    this.entries.push(entry);
    if (this.entries.length * 2 > this.places.length) {
      this.places = new Int32Array(this.places.length * 2);
      this.entries.forEach((known, i) => {
        this.place(known, i);
      });
    } else this.place(entry, this.entries.length - 1);
    return entry;
  }

  private place(entry: LinkStateEntry, index: number): void {
    const mask = this.places.length - 1;
    let at = entry.w0 & mask;
    while (this.places[at] !== 0) at = (at + 1) & mask;
    this.places[at] = index + 1;
  }
}

/** An id as four signed 32-bit numbers: small integers for the engine, where unsigned ones would not be. */
function wordsFromId(id: string): [number, number, number, number] {
  const word = (at: number) => parseInt(id.slice(at, at + 8), 16) | 0;
  return [word(0), word(8), word(16), word(24)];
}

/** The node id at `at`, as 32 hex digits. */
export function readId(bytes: Uint8Array, at: number): string {
  let id = '';
  for (let i = 0; i < idBytes; i += 4)
    id += readU32(bytes, at + i)
      .toString(16)
      .padStart(8, '0');
  return id;
}

export function writeId(id: string, bytes: Uint8Array, at: number): void {
  wordsFromId(id).forEach((word, i) => {
    writeU32(bytes, at + i * 4, word);
  });
}

function writeEntryId(entry: LinkStateEntry, bytes: Uint8Array, at: number): void {
  writeU32(bytes, at, entry.w0);
  writeU32(bytes, at + 4, entry.w1);
  writeU32(bytes, at + 8, entry.w2);
  writeU32(bytes, at + 12, entry.w3);
}

// Out of range reads give 0: callers check lengths first.
export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return readI32(bytes, at) >>> 0;
}

function readI32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
}

function readU48(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * 0x100000000 + readU32(bytes, at + 2);
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function writeU48(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, Math.floor(value / 0x100000000));
  writeU32(bytes, at + 2, value >>> 0);
}
