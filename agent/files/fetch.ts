// One file on its way to this node: from all nodes that have it, chunk by chunk. SPEC.md section C.
//
// INVARIANTS
// - The part is invisible and unused until each of its chunks, and the whole as the disk gives it back, has the right hash.
// - What was stored counts only by its hash: after a restart the part is hashed, so nothing is lost or believed that a crash left half.
// - A chunk that another fetch has is asked of that one, not of a node that has the whole file: so a file leaves its first node about
//   once, however many fetch it.
// - Memory: `asksAtOnce` chunks for each of `maxFetchSources` nodes.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxFetchSources } from '../../contract/limits.ts';
import { bytesOfChunk, chunkCount, fileChunkBytes } from '../../core/files/chunks.ts';
import type { FileStore, PartFile } from '../../host/images/image-store.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { Streams } from '../mesh/streams.ts';
import type { SharedPart } from './holder.ts';
import type { FileManifests } from './hashes.ts';
import { Source, type SourceEvents } from './source.ts';
import { Bits, fileService, hashOf, type Manifest, sha256 } from './wire.ts';

/** A node that may have the file. */
export interface Candidate {
  readonly nodeId: string;
  /** Null when the node has not hashed its file yet: it does when it is asked for it. */
  readonly hash: string | null;
  readonly bytes: number;
  /** It is fetching the file itself. */
  readonly isPart: boolean;
}

export type FetchState = 'queued' | 'starting' | 'fetching' | 'checking' | 'done' | 'failed';

export interface FetchStatus {
  readonly name: string;
  readonly state: FetchState;
  /** 0 until it is known. */
  readonly bytes: number;
  readonly doneBytes: number;
  readonly chunks: number;
  readonly doneChunks: number;
  /** Names of the nodes that it takes chunks from now. */
  readonly sources: readonly string[];
  /** Nodes that it takes no more chunks from, and why. */
  readonly leftOut: readonly string[];
  /** Why it failed; empty otherwise. */
  readonly error: string;
}

export interface FetchOptions {
  readonly name: string;
  /** Those that have the file that was chosen, the preferred first. */
  readonly candidates: readonly Candidate[];
  /** Another file of this name that is here goes, unless it is in use. */
  readonly mayReplace: boolean;
}

export interface FetchComponents {
  readonly store: FileStore;
  readonly manifests: FileManifests;
  readonly streams: Pick<Streams, 'open'>;
  readonly clock: Clock;
  /** 0 to 1, as Math.random. */
  readonly random: () => number;
  readonly nameOf: (nodeId: string) => string;
  readonly log: { warn(text: string): void };
  /** Who has this very file now. */
  readonly whoHas: (file: {
    readonly name: string;
    readonly hash: string;
    readonly bytes: number;
  }) => Promise<readonly Candidate[]>;
  /** Whether a VM here uses the file. */
  readonly isInUse: (path: string) => boolean;
  /** Bytes that other fetches of this node will still take from the disk. */
  readonly reservedBytes: (self: Fetch) => number;
  readonly onChange: (fetch: Fetch) => void;
}

const tickMs = 1_000;
/** A node that was asked for chunks and says nothing for this long is left alone for a while. */
const silentMs = 30_000;
/** While this long nothing came, any node may be asked for any chunk, even for one that another was asked for. */
const stuckMs = 3_000;
const refreshMs = 5_000;
/** A node that restarts is back within this; then the fetch gives up, and keeps what it has. */
const noSourceMs = 60_000;
const retryMs = 500;
const maxRetryMs = 8_000;
/** Chunks that are looked at for one ask. */
const samples = 64;
const scanned = 4_096;
const maxChecks = 3;

/** Which file a part is of. */
const Journal = z.object({
  version: z.literal(1),
  name: z.string(),
  bytes: z.number(),
  modifiedMs: z.number(),
  hash: z.string(),
  chunks: z.base64(),
});

interface Known {
  candidate: Candidate;
  /** `out`: never asked again by this fetch. */
  state: 'idle' | 'opening' | 'open' | 'out';
  tryAt: number;
  failures: number;
  reason: string;
}

export class Fetch {
  readonly name: string;
  /** Settles with the end; rejects with what went wrong. */
  readonly ended: Promise<void>;
  private readonly options: FetchOptions;
  private readonly components: FetchComponents;
  private readonly known = new Map<string, Known>();
  private readonly sources = new Set<Source>();
  private readonly gotListeners = new Set<(index: number) => void>();
  private readonly abort = new AbortController();
  private readonly over = Promise.withResolvers<undefined>();
  private readonly events: SourceEvents;
  private state: FetchState = 'queued';
  private error = '';
  private manifest: Manifest | null = null;
  private part: PartFile | null = null;
  private isPublished = false;
  private done = new Bits(0);
  private doneBytes = 0;
  private needed = 0;
  /** Chunks that are neither here nor asked for. */
  private left: number[] = [];
  private storedAt = 0;
  private hadSourceAt = 0;
  private refreshAt = 0;
  private isRefreshing = false;
  private timer: Timer | null = null;
  private transfer: PromiseWithResolvers<undefined> | null = null;
  private firstManifest: PromiseWithResolvers<Manifest> | null = null;

  constructor(options: FetchOptions, components: FetchComponents) {
    this.options = options;
    this.components = components;
    this.name = options.name;
    this.ended = this.over.promise;
    // The end is in the status too.
    this.ended.catch(() => undefined);
    for (const candidate of options.candidates) this.addCandidate(candidate);
    this.events = {
      onManifest: (_source, manifest) => this.firstManifest?.resolve(manifest),
      onHave: () => this.pump(),
      onChunk: (source, index, data) => this.onChunk(source, index, data),
      onWord: (source) => (source.heardAt = this.components.clock.now()),
      onClosed: (source, error) => this.onClosed(source, error),
    };
  }

  get isOver(): boolean {
    return this.state === 'done' || this.state === 'failed';
  }

  /** What it will still take from the disk. */
  get neededBytes(): number {
    return this.isOver ? 0 : this.needed;
  }

  status(): FetchStatus {
    const { nameOf } = this.components;
    const known = [...this.known.values()];
    return {
      name: this.name,
      state: this.state,
      bytes: this.manifest?.bytes ?? this.options.candidates[0]?.bytes ?? 0,
      doneBytes: this.doneBytes,
      chunks: this.manifest ? chunkCount(this.manifest.bytes) : 0,
      doneChunks: this.done.size,
      sources: [...this.sources].map(({ nodeId }) => nameOf(nodeId)).sort(),
      leftOut: known.filter(({ state }) => state === 'out').map((each) => this.describe(each)),
      error: this.error,
    };
  }

  /** What others may take of it; null while nothing is known. */
  shared(): SharedPart | null {
    const { manifest, part } = this;
    if (!manifest || !part) return null;
    return {
      manifest,
      done: this.done,
      onGot: (listener) => {
        this.gotListeners.add(listener);
        return () => void this.gotListeners.delete(listener);
      },
      read: (offset, length) => (this.isPublished ? null : this.readPart(part, offset, length)),
    };
  }

  private async readPart(part: PartFile, offset: number, length: number): Promise<Buffer> {
    try {
      return await part.read(offset, length);
    } catch (cause) {
      // It is closed: who asked tries again, and this node is not to blame for wrong data.
      throw new AppError('unreachable', `the fetch of ${this.name} ended`, { cause });
    }
  }

  /** Another node says that it has this file or fetches it. */
  addCandidate(candidate: Candidate): void {
    const { nodeId, hash } = candidate;
    const known = this.known.get(nodeId);
    if (known) {
      // It answers, so there is no reason to wait any longer.
      if (known.state === 'idle') known.tryAt = 0;
      this.pump();
      return;
    }
    if (this.manifest && hash !== null && hash !== this.manifest.hashes.total) return;
    this.known.set(nodeId, { candidate, state: 'idle', tryAt: 0, failures: 0, reason: '' });
    this.pump();
  }

  /** Runs it; its end is `ended`. */
  async run(): Promise<void> {
    try {
      this.abort.signal.throwIfAborted();
      this.setState('starting');
      const manifest = await this.findManifest();
      this.manifest = manifest;
      if (!(await this.isHereAlready(manifest))) await this.bring(manifest);
      this.setState('done');
      this.over.resolve(undefined);
    } catch (cause) {
      const reason: unknown = this.abort.signal.aborted ? this.abort.signal.reason : cause;
      const error = reason instanceof AppError ? reason : this.diskError(reason);
      this.error = error.message;
      this.setState('failed');
      this.over.reject(error);
    } finally {
      this.timer?.cancel();
      for (const source of this.sources) source.close();
      this.sources.clear();
      if (!this.isPublished) await this.part?.close().catch(() => undefined);
      this.components.onChange(this);
    }
  }

  /** Ends it. What has arrived is kept for the next fetch of the file. */
  cancel(reason: AppError): void {
    if (this.isOver) return;
    this.abort.abort(reason);
    this.firstManifest?.reject(reason);
    this.transfer?.reject(reason);
    // One that waits for its turn has nothing to end.
    if (this.state === 'queued') void this.run();
  }

  // ---- from the first word to the file

  /** What the file is, from the first node that says it. */
  private async findManifest(): Promise<Manifest> {
    for (const each of this.known.values()) {
      if (each.state !== 'idle') continue;
      this.firstManifest = Promise.withResolvers<Manifest>();
      const { promise } = this.firstManifest;
      promise.catch(() => undefined);
      await this.openSource(each, { wantsManifest: true });
      // A node that hashes the file says so while it does; one that says nothing ends here.
      this.watchSilence();
      try {
        return await promise;
      } catch (error) {
        this.abort.signal.throwIfAborted();
        each.reason = describeError(error);
      } finally {
        this.firstManifest = null;
      }
    }
    throw new AppError('unreachable', `${this.name}: no node gives it${this.reasons()}`);
  }

  /** A file of this name that is here may be the one that is wanted. @throws AppError `conflict` when it must stay */
  private async isHereAlready(manifest: Manifest): Promise<boolean> {
    const { store, manifests } = this.components;
    const entry = await store.stat(this.name);
    if (!entry) return false;
    if (entry.isFolder) throw new AppError('conflict', `${this.name} is a folder here: move it away`);
    const own = entry.bytes === manifest.bytes ? await manifests.of(entry) : null;
    if (own?.hashes.total === manifest.hashes.total) return true;
    if (!this.options.mayReplace) {
      throw new AppError('conflict', `${this.name} is here already, with other content: delete it first (file delete)`);
    }
    this.assertUnused();
    return false;
  }

  private assertUnused(): void {
    const { store, isInUse } = this.components;
    if (!isInUse(`${store.root}/${this.name}`)) return;
    throw new AppError(
      'conflict',
      `${this.name} is in use by a VM here, and would be replaced: \`vm kill\` and \`vm flush\` the VM first`,
    );
  }

  private async bring(manifest: Manifest): Promise<void> {
    const { store, manifests, clock } = this.components;
    await this.openPart(manifest);
    for (let checks = 1; ; checks += 1) {
      this.setState('fetching');
      this.storedAt = clock.now();
      this.hadSourceAt = clock.now();
      this.transfer = Promise.withResolvers<undefined>();
      this.transfer.promise.catch(() => undefined);
      this.pump();
      this.timer?.cancel();
      this.tick();
      await this.transfer.promise;
      this.transfer = null;
      this.setState('checking');
      if (await this.isWhole(manifest)) break;
      if (checks === maxChecks) {
        throw new AppError('failed', `${this.name}: the disk gives back other bytes than were written to it`);
      }
    }
    // Both may have changed meanwhile.
    if (await this.isHereAlready(manifest)) {
      await this.part?.discard();
    } else await this.part?.publish({ modifiedMs: manifest.modifiedMs });
    this.isPublished = true;
    const entry = await store.stat(this.name);
    if (entry) manifests.learn(entry, manifest);
  }

  /** The part with what an earlier fetch left of this very file. */
  private async openPart(manifest: Manifest): Promise<void> {
    const { store } = this.components;
    const { bytes, modifiedMs, hashes } = manifest;
    const count = chunkCount(bytes);
    const journal = readJournal(await store.readJournal(this.name).catch(() => null));
    const isSame = journal?.bytes === bytes && journal.hash === hashes.total;
    const text = JSON.stringify({
      version: 1,
      name: this.name,
      bytes,
      modifiedMs,
      hash: hashes.total,
      chunks: hashes.chunks.toString('base64'),
    } satisfies z.infer<typeof Journal>);
    if (journal && !isSame) await (await store.openPart(this.name, { bytes: 0, journal: text })).discard();
    this.part = await store.openPart(this.name, { bytes, journal: text });
    const isFresh = (await this.part.allocatedBytes()) === 0;
    const there = isFresh
      ? null
      : await this.part.hash({ chunkBytes: fileChunkBytes(bytes), signal: this.abort.signal });
    this.done = new Bits(count);
    this.left = [];
    this.needed = 0;
    const zeroHashes = new Map<number, Buffer>();
    for (let index = 0; index < count; index += 1) {
      const hash = hashOf(hashes.chunks, index);
      const length = bytesOfChunk(bytes, index);
      let zero = zeroHashes.get(length);
      if (!zero) zeroHashes.set(length, (zero = await sha256(Buffer.alloc(length))));
      const isZero = hash.equals(zero);
      if (there ? hashOf(there.chunks, index).equals(hash) : isZero) this.count(index);
      // Nobody has to send zeros.
      else if (isZero) {
        await this.part.write(index * fileChunkBytes(bytes), Buffer.alloc(length));
        this.count(index);
      } else {
        this.left.push(index);
        this.needed += length;
      }
    }
    const free = (await store.freeBytes()) - this.components.reservedBytes(this);
    if (this.needed > free) {
      throw new AppError(
        'refused',
        `${this.name} needs ${this.needed} bytes more, and ${Math.max(0, free)} are free below -filepath: make room there`,
      );
    }
  }

  private count(index: number): void {
    this.done.add(index);
    this.doneBytes += bytesOfChunk(this.manifest?.bytes ?? 0, index);
  }

  /** Whether the disk gives back the file; chunks that it does not must come again. */
  private async isWhole(manifest: Manifest): Promise<boolean> {
    const { bytes, hashes } = manifest;
    const there = await this.part?.hash({ chunkBytes: fileChunkBytes(bytes), signal: this.abort.signal });
    if (there?.total === hashes.total) return true;
    for (let index = 0; index < chunkCount(bytes); index += 1) {
      if (there && hashOf(there.chunks, index).equals(hashOf(hashes.chunks, index))) continue;
      this.done.delete(index);
      this.doneBytes -= bytesOfChunk(bytes, index);
      this.left.push(index);
    }
    if (this.left.length > 0) return false;
    await this.part?.discard();
    this.part = null;
    throw new AppError('failed', `${this.name}: the hashes of its chunks and that of the whole do not belong together`);
  }

  // ---- nodes

  private async openSource(each: Known, { wantsManifest }: { readonly wantsManifest: boolean }): Promise<void> {
    const { streams, clock } = this.components;
    each.state = 'opening';
    const { nodeId, hash } = each.candidate;
    const args = { name: this.name, hash: this.manifest?.hashes.total ?? hash, manifest: wantsManifest };
    try {
      const stream = await streams.open(nodeId, fileService, args, { signal: this.abort.signal });
      if (this.isOver) {
        stream.destroy();
        return;
      }
      const options = { nodeId, bytes: this.manifest?.bytes ?? null, now: clock.now() };
      this.sources.add(new Source(options, { stream, events: this.events }));
      each.state = 'open';
    } catch (cause) {
      this.lost(each, cause instanceof AppError ? cause : new AppError('failed', describeError(cause), { cause }));
    }
  }

  private onClosed(source: Source, error: AppError): void {
    this.sources.delete(source);
    for (const index of source.asked.keys()) this.giveBack(index);
    const each = this.known.get(source.nodeId);
    if (each) this.lost(each, error);
  }

  /** A node gives nothing now: it is tried again later, unless it never will. */
  private lost(each: Known, error: AppError): void {
    each.reason = error.message;
    each.failures += 1;
    // Refused: too old, no member, another file. Failed: it gave what is wrong.
    const isOut =
      ['refused', 'failed', 'invalid'].includes(error.code) || (error.code === 'not-found' && each.failures > 3);
    each.state = isOut ? 'out' : 'idle';
    // It was about to fetch the file too, and may do so later.
    if (isOut && error.code === 'not-found') this.known.delete(each.candidate.nodeId);
    each.tryAt = this.components.clock.now() + Math.min(maxRetryMs, retryMs * 2 ** each.failures);
    if (error.code === 'failed') this.components.log.warn(`files: ${this.describe(each)}`);
    this.firstManifest?.reject(error);
    this.pump();
  }

  private giveBack(index: number): void {
    const isAsked = [...this.sources].some(({ asked }) => asked.has(index));
    if (!isAsked && !this.done.has(index) && !this.left.includes(index)) this.left.push(index);
  }

  /** Once a second while it runs: silence, news of who has the file, and the end of patience. */
  private tick(): void {
    if (this.isOver || !this.transfer) return;
    const { clock } = this.components;
    const now = clock.now();
    this.endSilent(now);
    const isAlone = this.sources.size === 0 && ![...this.known.values()].some(({ state }) => state === 'opening');
    if (!isAlone) this.hadSourceAt = now;
    if (this.sources.size < maxFetchSources && now >= this.refreshAt) void this.refresh();
    const isHopeless = isAlone && ![...this.known.values()].some(({ state }) => state === 'idle');
    if (now - this.hadSourceAt > (isHopeless ? 2 * refreshMs : noSourceMs)) {
      const message = `${this.name}: no node is left that gives it${this.reasons()}. What has arrived is kept: repeat the fetch`;
      this.transfer.reject(new AppError('unreachable', message));
      return;
    }
    this.pump();
    this.components.onChange(this);
    this.timer = clock.after(tickMs, () => this.tick());
  }

  private watchSilence(): void {
    const { clock } = this.components;
    this.timer?.cancel();
    this.timer = clock.after(tickMs, () => {
      if (this.isOver || !this.firstManifest) return;
      this.endSilent(clock.now(), true);
      this.watchSilence();
    });
  }

  private endSilent(now: number, isAwaited = false): void {
    for (const source of this.sources) {
      if (now - source.heardAt < silentMs || (source.asked.size === 0 && !isAwaited)) continue;
      const error = new AppError('timeout', `it says nothing for ${silentMs / 1000} s`);
      source.close(error);
      this.onClosed(source, error);
    }
  }

  private async refresh(): Promise<void> {
    const { manifest, isRefreshing } = this;
    if (!manifest || isRefreshing) return;
    this.isRefreshing = true;
    const { bytes, hashes } = manifest;
    try {
      const found = await this.components.whoHas({ name: this.name, hash: hashes.total, bytes });
      for (const candidate of found) this.addCandidate(candidate);
    } catch {
      // The mesh may be split: the next look finds more.
    } finally {
      this.isRefreshing = false;
      this.refreshAt = this.components.clock.now() + refreshMs;
    }
  }

  // ---- chunks

  /** Opens streams to nodes that are not asked yet, and asks each node for as much as it may be asked for. */
  private pump(): void {
    const { manifest, transfer } = this;
    if (!manifest || !transfer || this.isOver) return;
    if (this.done.size === this.done.count) {
      transfer.resolve(undefined);
      return;
    }
    const { clock, random } = this.components;
    const now = clock.now();
    const isBusy = ({ state }: Known) => state === 'opening' || state === 'open';
    let room = maxFetchSources - [...this.known.values()].filter(isBusy).length;
    if (room > 0) {
      const idle = [...this.known.values()].filter(({ state, tryAt }) => state === 'idle' && tryAt <= now);
      // Another order on each node, so that not all of them ask the same.
      for (; room > 0 && idle.length > 0; room -= 1) {
        const [each] = idle.splice(Math.floor(random() * idle.length), 1);
        if (each) void this.openSource(each, { wantsManifest: false }).then(() => this.pump());
      }
    }
    for (const source of this.sources) {
      while (source.room > 0) {
        const index = this.choose(source, now);
        if (index === null) break;
        source.ask(index, now);
      }
    }
  }

  /** The chunk that this node is asked for next: one that few others have, in random order. */
  private choose(source: Source, now: number): number | null {
    const isStuck = now - this.storedAt > stuckMs;
    const peers = [...this.sources].filter((other) => other !== source && !other.isOrigin);
    const count = this.left.length;
    const from = Math.floor(this.components.random() * count);
    let best = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (let step = 0, fitting = 0; step < Math.min(count, scanned) && fitting < samples; step += 1) {
      const at = (from + step) % count;
      const index = this.left[at] ?? 0;
      if (!source.has(index)) continue;
      const others = peers.filter((peer) => peer.has(index)).length;
      // Those that have it may give it: a node with the whole file is asked for what nobody else has.
      if (source.isOrigin && others > 0 && !isStuck) continue;
      fitting += 1;
      if (others >= fewest) continue;
      fewest = others;
      best = at;
      // Every chunk is as rare: a random one, not the next one.
      if (source.isOrigin) break;
    }
    if (best >= 0) {
      const index = this.left[best] ?? 0;
      const last = this.left.pop();
      if (last !== undefined && best < this.left.length) this.left[best] = last;
      return index;
    }
    return isStuck ? this.chooseAgain(source, now) : null;
  }

  /** Nothing moves: a chunk that a slow node was asked for a while ago. */
  private chooseAgain(source: Source, now: number): number | null {
    for (const other of this.sources) {
      if (other === source) continue;
      for (const [index, askedAt] of other.asked) {
        if (now - askedAt > stuckMs && source.has(index) && !source.asked.has(index)) return index;
      }
    }
    return null;
  }

  private async onChunk(source: Source, index: number, data: Buffer): Promise<void> {
    const { manifest, part } = this;
    if (!manifest || !part || this.done.has(index)) return;
    const { bytes, hashes } = manifest;
    const isRight =
      data.length === bytesOfChunk(bytes, index) && (await sha256(data)).equals(hashOf(hashes.chunks, index));
    if (!isRight) throw new AppError('failed', `it gave wrong data for chunk ${index} of ${this.name}`);
    try {
      await part.write(index * fileChunkBytes(bytes), data);
    } catch (error) {
      this.transfer?.reject(this.diskError(error));
      return;
    }
    const { clock } = this.components;
    this.storedAt = clock.now();
    const each = this.known.get(source.nodeId);
    if (each) each.failures = 0;
    // It may have come twice, from two nodes.
    if (this.done.has(index)) return;
    this.count(index);
    this.needed = Math.max(0, this.needed - data.length);
    for (const listener of this.gotListeners) listener(index);
  }

  // ---- words

  private diskError(error: unknown): AppError {
    if (error instanceof AppError && !error.message.includes('ENOSPC')) return error;
    const text = describeError(error);
    const hint = text.includes('ENOSPC')
      ? `the disk is full, and ${this.needed} bytes are missing: make room below -filepath, and repeat the fetch; what has arrived is kept`
      : text;
    return new AppError('failed', `${this.name}: ${hint}`, { cause: error });
  }

  private describe({ candidate, reason }: Known): string {
    return `${this.components.nameOf(candidate.nodeId)}: ${reason}`;
  }

  private reasons(): string {
    const texts = [...this.known.values()].filter(({ reason }) => reason !== '').map((each) => this.describe(each));
    return texts.length === 0 ? '' : ` (${texts.slice(0, 5).join('; ')})`;
  }

  private setState(state: FetchState): void {
    this.state = state;
    this.components.onChange(this);
  }
}

function readJournal(text: string | null): z.infer<typeof Journal> | null {
  if (text === null) return null;
  try {
    return Journal.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
