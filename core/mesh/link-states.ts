// The link-state map: what each node last said about itself (degree and neighbours), newest version per origin. This file owns
// versions, encoding and the summary by which two maps are compared; it neither floods nor routes.
//
// One state on the wire, numbers big-endian (SPEC M4):
//   origin 16 | incarnation 6 | sequence 4 | degree 2 | count 2 | neighbour 16 × count
// An origin's newer state has the higher (incarnation, sequence). The incarnation is the start time in milliseconds; a
// node that receives its own state, no older than its current one, continues from that incarnation plus one.
//
// At 1,000 nodes each change is received several times by each node, and most of what is received is known or soon
// replaced. So what floods is handled as numbers in columns, by place; entries are for those who look at single nodes.
//
// What a member says is bounded (SPEC M7 to M11): only origins and neighbours of the roster are kept, no state is from more
// than a day ahead of our clock, and what arrived is copied together before it takes much more room than the states in it.
//
// INVARIANT: bytes given to `receive` are not changed afterwards; the map keeps pointing into them instead of copying.
import { maxClockAheadMs, maxDegree, maxStateNeighbours } from '../../contract/limits.ts';

const idBytes = 16;
const stateHeaderBytes = 30;
const digestRecordBytes = 26;
/** Nodes kept. The roster has 4,096 at most, and nodes that leave it make room. */
const maxEntries = 8192;
const maxSequence = 0xffffffff;
/** Received bytes that may be held for states replaced since, before the rest is copied together. */
const slackBytes = 4 * 1024 * 1024;

/** One node, as topology and dialling look at it. */
export class LinkStateEntry {
  readonly id: string;
  /** Its place in the columns of its map. */
  readonly place: number;
  /** In the roster and not revoked: only members count in the topology. */
  isMember = false;
  /** Decoded on first use after a change: `decodedBytes` and `decodedOffset` say from what. */
  neighbours: readonly LinkStateEntry[] = [];
  decodedBytes: Uint8Array = empty;
  decodedOffset = 0;
  /** Scratch of the topology's search: a value belongs to the search that wrote it. */
  searchMark = 0;
  hop: LinkStateEntry | null = null;
  hopSlots = 0;
  distance = 0;

  constructor(id: string, place: number) {
    this.id = id;
    this.place = place;
  }
}

const empty = new Uint8Array(0);

/**
 * `fresh`: newer than what we had. `same`: known. `stale`: ours is newer. `own`: a newer state of ourselves, from an earlier
 * life. `ahead`: from more than a day ahead of our clock, and not taken.
 */
export type Reception = 'fresh' | 'same' | 'stale' | 'own' | 'ahead';

export interface MapSummary {
  hash0: number;
  hash1: number;
  count: number;
}

/** The columns, by place. */
class Columns {
  readonly words: Int32Array;
  /** -1 until a state of the node arrives. */
  readonly incarnations: Float64Array;
  readonly sequences: Uint32Array;
  readonly bytes: Uint8Array[];
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
  readonly knownBySlots: Int32Array;
  readonly digestMarks: Int32Array;

  constructor(capacity: number, former?: Columns) {
    this.words = new Int32Array(capacity * 4);
    this.incarnations = new Float64Array(capacity).fill(-1);
    this.sequences = new Uint32Array(capacity);
    this.bytes = former?.bytes ?? [];
    this.offsets = new Int32Array(capacity);
    this.lengths = new Int32Array(capacity);
    this.knownBySlots = new Int32Array(capacity);
    this.digestMarks = new Int32Array(capacity);
    if (!former) return;
    this.words.set(former.words);
    this.incarnations.set(former.incarnations);
    this.sequences.set(former.sequences);
    this.offsets.set(former.offsets);
    this.lengths.set(former.lengths);
    this.knownBySlots.set(former.knownBySlots);
    this.digestMarks.set(former.digestMarks);
  }
}

export class LinkStateMap {
  readonly self: LinkStateEntry;
  /** Grows with every change that may change the topology. */
  version = 0;
  private readonly entries: LinkStateEntry[] = [];
  private columns = new Columns(64);
  /** Open addressing by the first id word: places plus one, 0 for free. A power of two, at most half full. */
  private table = new Int32Array(256);
  private readonly summaryNow: MapSummary = { hash0: 0, hash1: 0, count: 0 };
  private digestMark = 0;
  private readonly wallNow: () => number;
  /** Places of nodes that left the roster. */
  private readonly free: number[] = [];
  /** Bytes that were taken by reference since they were copied together last. */
  private heldBytes = 0;
  /** States were dropped because the roster in force does not name their origin, or a neighbour in them. */
  hasDropped = false;

  /** `wallNow`: milliseconds since 1970, against which states are judged. */
  constructor(selfId: string, incarnation: number, wallNow: () => number = () => Number.MAX_SAFE_INTEGER) {
    this.wallNow = wallNow;
    const self = this.ensure(selfId);
    if (!self) throw new RangeError('an empty map has room');
    this.self = self;
    this.writeSelf(incarnation, 1, 0, []);
  }

  /** All nodes that sent a state or were named, by place. */
  all(): readonly LinkStateEntry[] {
    return this.entries;
  }

  get(id: string): LinkStateEntry | undefined {
    return this.entries[this.find(idWord(id, 0), idWord(id, 8), idWord(id, 16), idWord(id, 24))];
  }

  idAt(place: number): string {
    return this.entries[place]?.id ?? '';
  }

  /** The entry of a node, made if it is new; undefined when the map is full. */
  ensure(id: string): LinkStateEntry | undefined {
    const known = this.get(id);
    if (known) return known;
    const place = this.add(idWord(id, 0), idWord(id, 8), idWord(id, 16), idWord(id, 24), id);
    return this.entries[place];
  }

  /** Sets the members. A node that is no longer a member is forgotten with its state, and makes room. */
  setMembers(ids: readonly string[]): void {
    this.reserve(Math.min(maxEntries, ids.length));
    const members = new Set(ids);
    const gone = this.entries.filter(
      (entry) => entry !== this.self && !members.has(entry.id) && this.get(entry.id) === entry,
    );
    for (const entry of gone) this.forget(entry);
    if (gone.length > 0) this.rebuildTable();
    for (const entry of this.entries) {
      entry.isMember = false;
      // A neighbour that was unknown may be a member now, and the other way round.
      entry.decodedOffset = -1;
    }
    for (const id of ids) {
      const entry = this.ensure(id);
      if (entry) entry.isMember = true;
    }
    this.version += 1;
  }

  /** -1 for a node without a state. */
  incarnationOf(entry: LinkStateEntry): number {
    return this.columns.incarnations[entry.place] ?? -1;
  }

  /** How many links the node tries to hold; 0 for a node without a state. */
  degreeOf(entry: LinkStateEntry): number {
    const bytes = this.columns.bytes[entry.place] ?? empty;
    return readU16(bytes, (this.columns.offsets[entry.place] ?? 0) + 26);
  }

  /** Links, by bit, whose neighbours are known to have this version of a node's state. */
  knownBySlots(place: number): number {
    return this.columns.knownBySlots[place] ?? 0;
  }

  setKnownBySlots(place: number, slots: number): void {
    this.columns.knownBySlots[place] = slots;
  }

  /** A slot has another neighbour now, which knows nothing as far as we know. */
  forgetSlot(bit: number): void {
    const { knownBySlots } = this.columns;
    for (let place = 0; place < this.entries.length; place += 1)
      knownBySlots[place] = (knownBySlots[place] ?? 0) & ~bit;
  }

  /** Sets our own new state; false if it equals the last one. */
  setSelf(degree: number, neighbours: readonly LinkStateEntry[]): boolean {
    const before = this.neighboursOf(this.self);
    const isSame =
      degree === this.degreeOf(this.self) &&
      before.length === neighbours.length &&
      neighbours.every((neighbour) => before.includes(neighbour));
    if (isSame) return false;
    this.sayNext(degree, neighbours);
    return true;
  }

  /** Our clock was set back by more than a day since we started: nobody accepts our state until we send it again. */
  restartIfAhead(): boolean {
    if (this.incarnationOf(this.self) <= this.latest()) return false;
    this.writeSelf(Math.floor(this.wallNow()), 1, this.degreeOf(this.self), this.neighboursOf(this.self));
    return true;
  }

  private sayNext(degree: number, neighbours: readonly LinkStateEntry[]): void {
    const incarnation = this.incarnationOf(this.self);
    const sequence = this.columns.sequences[this.self.place] ?? 0;
    if (sequence >= maxSequence) this.writeSelf(incarnation + 1, 1, degree, neighbours);
    else this.writeSelf(incarnation, sequence + 1, degree, neighbours);
  }

  /** The newest incarnation that is taken now. */
  private latest(): number {
    return this.wallNow() + maxClockAheadMs;
  }

  /**
   * Takes states from `bytes`, from `offset` to the end, and reports each to `visit` by its place.
   * @returns false if the bytes are malformed; states before the fault were taken.
   */
  receive(bytes: Uint8Array, offset: number, visit: (place: number, reception: Reception) => void): boolean {
    const end = bytes.length;
    const latest = this.latest();
    let isHeld = false;
    while (offset < end) {
      if (end - offset < stateHeaderBytes) return false;
      const count = readU16(bytes, offset + 28);
      if (count > maxStateNeighbours || readU16(bytes, offset + 26) > maxDegree) return false;
      const length = stateHeaderBytes + idBytes * count;
      if (end - offset < length) return false;
      const place = this.findAt(bytes, offset);
      if (place < 0 || !this.counts(place)) this.hasDropped = true;
      else {
        const { columns } = this;
        const incarnation = readU48(bytes, offset + 16);
        const sequence = readU32(bytes, offset + 22);
        const order = this.order(place, incarnation, sequence, latest);
        if (incarnation > latest) visit(place, 'ahead');
        else if (order === 0) visit(place, 'same');
        else if (order < 0) visit(place, 'stale');
        else if (place === this.self.place) {
          this.writeSelf(incarnation + 1, 1, this.degreeOf(this.self), this.neighboursOf(this.self));
          visit(place, 'own');
        } else {
          this.replace(place, incarnation, sequence);
          columns.bytes[place] = bytes;
          columns.offsets[place] = offset;
          columns.lengths[place] = length;
          isHeld = true;
          visit(place, 'fresh');
        }
      }
      offset += length;
    }
    if (isHeld) this.hold(bytes.length);
    return true;
  }

  /** Whether states of this node count: it is in the roster, or ourselves. */
  private counts(place: number): boolean {
    return place === this.self.place || (this.entries[place]?.isMember ?? false);
  }

  /** How a version compares with the one we have; one of ours from ahead of the clock is worth nothing. */
  private order(place: number, incarnation: number, sequence: number, latest: number): number {
    const known = this.columns.incarnations[place] ?? -1;
    if (known > latest) return 1;
    return incarnation - known || sequence - (this.columns.sequences[place] ?? 0);
  }

  /** One small state keeps the whole frame that it came in: from time to time all states are copied together. */
  private hold(byteCount: number): void {
    this.heldBytes += byteCount;
    const { lengths } = this.columns;
    let used = 0;
    // The sum is needed only where the slack may be over.
    if (this.heldBytes <= slackBytes) return;
    for (let place = 0; place < this.entries.length; place += 1) used += lengths[place] ?? 0;
    if (this.heldBytes <= slackBytes + 4 * used) return;
    this.heldBytes = used;
    const together = new Uint8Array(used);
    const { bytes, offsets } = this.columns;
    let at = 0;
    for (const [place, entry] of this.entries.entries()) {
      const length = lengths[place] ?? 0;
      if (length === 0) continue;
      const [source, offset] = [bytes[place] ?? empty, offsets[place] ?? 0];
      together.set(source.subarray(offset, offset + length), at);
      if (entry.decodedBytes === source && entry.decodedOffset === offset) {
        entry.decodedBytes = together;
        entry.decodedOffset = at;
      } else entry.decodedBytes = empty;
      bytes[place] = together;
      offsets[place] = at;
      at += length;
    }
  }

  /** Bytes in memory for the states of all nodes. */
  heldMemory(): number {
    return [...new Set(this.columns.bytes.map((bytes) => bytes.buffer))].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    );
  }

  /** A node's neighbours as it lists them, decoded once per state. */
  neighboursOf(entry: LinkStateEntry): readonly LinkStateEntry[] {
    const bytes = this.columns.bytes[entry.place] ?? empty;
    const offset = this.columns.offsets[entry.place] ?? 0;
    if (entry.decodedBytes === bytes && entry.decodedOffset === offset) return entry.neighbours;
    const list: LinkStateEntry[] = [];
    const end = offset + (this.columns.lengths[entry.place] ?? 0);
    for (let at = offset + stateHeaderBytes; at < end; at += idBytes) {
      const place = this.findAt(bytes, at);
      const neighbour = this.entries[place];
      if (neighbour && this.counts(place)) list.push(neighbour);
    }
    entry.neighbours = list;
    entry.decodedBytes = bytes;
    entry.decodedOffset = offset;
    return list;
  }

  stateLength(place: number): number {
    return this.columns.lengths[place] ?? 0;
  }

  /** Writes the states of `places[start..end)` to `target` from `at` on, those that lie together in one go. */
  copyStates(places: readonly number[], start: number, end: number, target: Uint8Array, at: number): void {
    const { columns } = this;
    for (let i = start; i < end;) {
      const first = places[i] ?? 0;
      const bytes = columns.bytes[first] ?? empty;
      const begin = columns.offsets[first] ?? 0;
      let stop = begin + (columns.lengths[first] ?? 0);
      for (i += 1; i < end; i += 1) {
        const next = places[i] ?? 0;
        if (columns.bytes[next] !== bytes || columns.offsets[next] !== stop) break;
        stop += columns.lengths[next] ?? 0;
      }
      target.set(begin === 0 && stop === bytes.length ? bytes : bytes.subarray(begin, stop), at);
      at += stop - begin;
    }
  }

  /** Equal summaries: equal maps, but for a chance of 2^-64. */
  summary(): Readonly<MapSummary> {
    return this.summaryNow;
  }

  /** The versions of all states: 16 + 6 + 4 bytes each, written to a new array after `room` free bytes. */
  digest(room: number): Uint8Array {
    const { words, incarnations, sequences } = this.columns;
    const out = new Uint8Array(room + this.summaryNow.count * digestRecordBytes);
    let at = room;
    for (let place = 0; place < this.entries.length; place += 1) {
      const incarnation = incarnations[place] ?? -1;
      if (incarnation < 0) continue;
      writeWords(words, place, out, at);
      writeU48(out, at + 16, incarnation);
      writeU32(out, at + 22, sequences[place] ?? 0);
      at += digestRecordBytes;
    }
    return out;
  }

  /**
   * Compares another map's digest with this one.
   * @returns places the other side lacks, and whether it has something that we lack; null if malformed
   */
  compare(bytes: Uint8Array, offset: number): { theyLack: number[]; weLack: boolean } | null {
    if ((bytes.length - offset) % digestRecordBytes !== 0) return null;
    if (bytes.length - offset > maxEntries * digestRecordBytes) return null;
    const latest = this.latest();
    this.digestMark += 1;
    const { incarnations, digestMarks } = this.columns;
    const theyLack: number[] = [];
    let weLack = false;
    for (let at = offset; at < bytes.length; at += digestRecordBytes) {
      const place = this.findAt(bytes, at);
      // We do not lack a state that we would not accept.
      if (place < 0 || !this.counts(place)) {
        this.hasDropped = true;
        continue;
      }
      digestMarks[place] = this.digestMark;
      const incarnation = readU48(bytes, at + 16);
      if (incarnation > latest) {
        theyLack.push(place);
        continue;
      }
      const order = this.order(place, incarnation, readU32(bytes, at + 22), latest);
      if (order > 0) weLack = true;
      else if (order < 0) theyLack.push(place);
    }
    for (let place = 0; place < this.entries.length; place += 1) {
      if (digestMarks[place] !== this.digestMark && (incarnations[place] ?? -1) >= 0) theyLack.push(place);
    }
    return { theyLack, weLack };
  }

  private writeSelf(
    incarnation: number,
    sequence: number,
    degree: number,
    neighbours: readonly LinkStateEntry[],
  ): void {
    const { columns } = this;
    const { place } = this.self;
    const bytes = new Uint8Array(stateHeaderBytes + neighbours.length * idBytes);
    writeWords(columns.words, place, bytes, 0);
    writeU48(bytes, 16, incarnation);
    writeU32(bytes, 22, sequence);
    writeU16(bytes, 26, degree);
    writeU16(bytes, 28, neighbours.length);
    neighbours.forEach((neighbour, i) => {
      writeWords(columns.words, neighbour.place, bytes, stateHeaderBytes + i * idBytes);
    });
    this.replace(place, incarnation, sequence);
    columns.bytes[place] = bytes;
    columns.offsets[place] = 0;
    columns.lengths[place] = bytes.length;
  }

  private replace(place: number, incarnation: number, sequence: number): void {
    if ((this.columns.incarnations[place] ?? -1) >= 0) this.toggle(place);
    else this.summaryNow.count += 1;
    this.columns.incarnations[place] = incarnation;
    this.columns.sequences[place] = sequence;
    this.toggle(place);
    this.version += 1;
  }

  /** Adds or takes out a version from the summary: the sum by exclusive or needs no order and no rescan. */
  private toggle(place: number): void {
    const { words, incarnations, sequences } = this.columns;
    const incarnation = incarnations[place] ?? 0;
    const sequence = sequences[place] ?? 0;
    const low = incarnation | 0;
    const high = (incarnation / 0x100000000) | 0;
    const at = place * 4;
    let a =
      Math.imul((words[at] ?? 0) ^ low, 0x85ebca6b) ^ Math.imul((words[at + 1] ?? 0) ^ sequence, 0xc2b2ae35) ^ high;
    let b =
      Math.imul((words[at + 2] ?? 0) ^ sequence, 0x9e3779b1) ^ Math.imul((words[at + 3] ?? 0) ^ low, 0x27d4eb2f) ^ high;
    a = Math.imul(a ^ (a >>> 15), 0x2c1b3c6d);
    b = Math.imul(b ^ (b >>> 13), 0x297a2d39);
    this.summaryNow.hash0 = (this.summaryNow.hash0 ^ a ^ (a >>> 12)) >>> 0;
    this.summaryNow.hash1 = (this.summaryNow.hash1 ^ b ^ (b >>> 15)) >>> 0;
  }

  private findAt(bytes: Uint8Array, at: number): number {
    return this.find(readI32(bytes, at), readI32(bytes, at + 4), readI32(bytes, at + 8), readI32(bytes, at + 12));
  }

  /** Ids are random, so the first word is the hash, and nearly always decides. -1 for an unknown id. */
  private find(w0: number, w1: number, w2: number, w3: number): number {
    const { table } = this;
    const { words } = this.columns;
    const mask = table.length - 1;
    for (let at = w0 & mask; ; at = (at + 1) & mask) {
      const place = (table[at] ?? 0) - 1;
      if (place < 0) return -1;
      const word = place * 4;
      if (words[word] === w0 && words[word + 1] === w1 && words[word + 2] === w2 && words[word + 3] === w3) {
        return place;
      }
    }
  }

  private add(w0: number, w1: number, w2: number, w3: number, id: string): number {
    const place = this.free.pop() ?? this.entries.length;
    if (place >= maxEntries) return -1;
    const capacity = this.columns.offsets.length;
    if (place === capacity) this.reserve(capacity * 2);
    const { words, bytes } = this.columns;
    words[place * 4] = w0;
    words[place * 4 + 1] = w1;
    words[place * 4 + 2] = w2;
    words[place * 4 + 3] = w3;
    bytes[place] = empty;
    this.entries[place] = new LinkStateEntry(id, place);
    this.addToTable(place);
    return place;
  }

  /** Takes a node out, with its state. Its place is given to the next new one. */
  private forget(entry: LinkStateEntry): void {
    const { place } = entry;
    const { columns } = this;
    if ((columns.incarnations[place] ?? -1) >= 0) {
      this.toggle(place);
      this.summaryNow.count -= 1;
    }
    columns.incarnations[place] = -1;
    columns.sequences[place] = 0;
    columns.bytes[place] = empty;
    columns.offsets[place] = 0;
    columns.lengths[place] = 0;
    columns.knownBySlots[place] = 0;
    entry.neighbours = [];
    entry.decodedBytes = empty;
    this.free.push(place);
  }

  private rebuildTable(): void {
    this.table.fill(0);
    const free = new Set(this.free);
    for (let place = 0; place < this.entries.length; place += 1) if (!free.has(place)) this.addToTable(place);
  }

  /** Makes room for so many nodes. */
  private reserve(count: number): void {
    if (count <= this.columns.offsets.length) return;
    this.columns = new Columns(count, this.columns);
    let size = this.table.length;
    while (size < count * 4) size *= 2;
    if (size === this.table.length) return;
    this.table = new Int32Array(size);
    this.rebuildTable();
  }

  private addToTable(place: number): void {
    const mask = this.table.length - 1;
    let at = (this.columns.words[place * 4] ?? 0) & mask;
    while (this.table[at] !== 0) at = (at + 1) & mask;
    this.table[at] = place + 1;
  }
}

/** Eight hex digits as a signed 32-bit number: a small integer for the engine, which an unsigned one would not be. */
function idWord(id: string, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i += 1) {
    const code = id.charCodeAt(i);
    word = (word << 4) | (code < 58 ? code - 48 : code - 87);
  }
  return word;
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
  for (let i = 0; i < idBytes; i += 4) writeU32(bytes, at + i, idWord(id, i * 2));
}

function writeWords(words: Int32Array, place: number, bytes: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i += 1) writeU32(bytes, at + i * 4, words[place * 4 + i] ?? 0);
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
