// The files of this node and those of the others, for commands, rows and the parts that need images: what is here, who has what, and
// bringing it here. One fetch for each file, however many wait for it.
import { AppError, describeError } from '../../contract/errors.ts';
import { maxFetches, maxFileRows, maxListedFiles, maxQueuedFetches } from '../../contract/limits.ts';
import { uploadService } from '../../contract/uploads.ts';
import { parseFileName } from '../../core/files/file-name.ts';
import { isGlob, matchesGlob, parseGlob } from '../../core/files/glob.ts';
import { followChain, Inspections, lookHere, resolveChain, type ImageFile } from '../../host/images/chain.ts';
import type { OpenDownload } from '../../host/download.ts';
import type { FileEntry, FileStore } from '../../host/images/image-store.ts';
import type { Clock } from '../mesh/clock.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { StreamHandler } from '../mesh/streams.ts';
import { Catalogue, type FoundFile, type WhereIs } from './catalogue.ts';
import { Downloads } from './download.ts';
import { Fetch, type FetchStatus } from './fetch.ts';
import { FileManifests } from './hashes.ts';
import { Holder } from './holder.ts';
import { Incoming } from './incoming.ts';
import { Puts } from './put.ts';
import { fileService } from './wire.ts';

export interface FilesComponents {
  readonly mesh: Pick<Mesh, 'nodeId' | 'memberIds' | 'nameOf' | 'request' | 'serve' | 'streams'>;
  readonly store: FileStore;
  /** Id of the head: its copy of a file counts where copies differ. */
  readonly headId: () => string;
  /** Whether a VM here uses the file with this path: it is neither replaced nor deleted then. */
  readonly isInUse: (path: string) => boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: { info(text: string): void; warn(text: string): void };
  /** Reads a file of the web. */
  readonly openDownload: OpenDownload;
}

export interface WaitOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (status: FetchStatus) => void;
}

interface Running {
  readonly fetch: Fetch;
  /** Those who wait for it; it ends when the last of them gives up. */
  readonly waiters: Set<object>;
}

/** Failed fetches that `status` still shows. */
const keptFailures = 20;
/** A part that was not continued for a week only takes up room. */
const stalePartMs = 7 * 24 * 3600 * 1000;
/** A chain that changes on other nodes while it is fetched is followed again this often. */
const chainRounds = 3;
const cancelled = () => new AppError('cancelled', 'cancelled');

export class Files {
  /** Of mesh streams: for `Part.services`. */
  readonly services: Readonly<Record<string, StreamHandler>>;
  readonly store: FileStore;
  readonly manifests: FileManifests;
  readonly inspections: Inspections;
  /** Files from URLs. */
  readonly downloads: Downloads;
  private readonly incoming: Incoming;
  private readonly puts: Puts;
  private readonly components: FilesComponents;
  private readonly catalogue: Catalogue;
  private readonly holder: Holder;
  private readonly running = new Map<string, Running>();
  private readonly queue: Fetch[] = [];
  private readonly failures = new Map<string, FetchStatus>();
  private readonly listeners = new Set<(status: FetchStatus) => void>();
  private isStopped = false;

  constructor(components: FilesComponents) {
    this.components = components;
    const { mesh, store, clock, headId } = components;
    this.store = store;
    this.manifests = new FileManifests(store);
    this.inspections = new Inspections(store, { most: 4 * maxFileRows });
    const part = (name: string) => this.running.get(name)?.fetch.shared() ?? null;
    this.holder = new Holder({
      store,
      manifests: this.manifests,
      clock,
      nodeName: () => mesh.nameOf(mesh.nodeId),
      part,
    });
    const stale = { ms: clock.wallNow() - stalePartMs };
    store.removeStaleParts(stale).then(
      (count) => {
        if (count > 0) components.log.info(`files: removed ${count} parts of fetches that nobody repeated for a week`);
      },
      (error: unknown) => components.log.warn(`files: cannot look for old parts: ${describeError(error)}`),
    );
    const { isInUse } = components;
    this.incoming = new Incoming({
      nodeName: () => mesh.nameOf(mesh.nodeId),
      store,
      clock,
      isInUse,
      isFetching: (name) => this.running.has(name),
      fetchingBytes: () => this.reservedBytes(null),
      onChange: (status) => {
        this.failures.delete(status.name);
        this.tell(status);
      },
      onFailed: (status) => {
        this.keepFailure(status);
        components.log.warn(`files: ${status.error}`);
        this.tell(status);
      },
      manifestOf: (entry) => this.manifests.of(entry),
      onArrived: async (name, hashes) => {
        const entry = await store.stat(name);
        if (entry) this.manifests.learn(entry, { bytes: entry.bytes, modifiedMs: entry.modifiedMs, hashes });
        components.log.info(`files: ${name} came from outside, ${entry?.bytes ?? 0} bytes`);
      },
    });
    this.puts = new Puts(mesh.nodeId, { incoming: this.incoming });
    this.downloads = new Downloads({ open: components.openDownload, incoming: this.incoming });
    this.services = { [fileService]: this.holder.serve, [uploadService]: this.puts.serve };
    this.catalogue = new Catalogue({
      mesh,
      store,
      manifests: this.manifests,
      inspections: this.inspections,
      headId,
      part,
      onFetcher: (name, nodeId) => {
        if (nodeId !== mesh.nodeId)
          this.running.get(name)?.fetch.addCandidate({ nodeId, hash: null, bytes: 0, isPart: true });
      },
    });
  }

  /** Bytes of chunks that left this node. */
  get servedBytes(): number {
    return this.holder.servedBytes;
  }

  // ---- what is there

  /**
   * Files and folders of this node in a folder, or those that fit a pattern; empty for a name that is not there.
   * @throws AppError `invalid`, `refused`
   */
  async list(text: string, { isRecursive }: { readonly isRecursive: boolean }): Promise<readonly FileEntry[]> {
    const isPattern = isGlob(text);
    const name = isPattern ? '' : needName(text);
    const only = name === '' ? null : await this.store.stat(name);
    if (only && !only.isFolder) return [only];
    const { entries, isCut } = await this.store.list(name, {
      isRecursive: isRecursive || isPattern,
      most: maxListedFiles,
    });
    if (isCut) {
      throw new AppError('refused', `more than ${maxListedFiles} files: name a folder below ${name || '-filepath'}`);
    }
    const glob = isPattern ? needGlob(text) : null;
    const fitting = glob ? entries.filter((entry) => matchesGlob(glob, entry.name)) : entries;
    return fitting.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** An image here with its backing files, the image first. @throws AppError `not-found`, `refused` */
  describe(name: string): Promise<readonly ImageFile[]> {
    return resolveChain(this.store, needName(name));
  }

  /** Which other nodes have a file of this name. */
  whereIs(name: string, options: { readonly signal?: AbortSignal } = {}): Promise<WhereIs> {
    return this.catalogue.whereIs(needName(name), { ...options, fetches: false });
  }

  status(): FetchStatus[] {
    const fetches = [...this.running.values()].map(({ fetch }) => fetch.status());
    return [...fetches, ...this.incoming.status(), ...this.failures.values()];
  }

  /** Why a file may not be changed now: it is on its way here. Null when it may. */
  whyBusy(name: string): string | null {
    if (!this.incoming.has(name) && !this.running.has(name)) return null;
    return `${name} is on its way to this node: \`file status\` shows how far it is`;
  }

  /** Calls for each step of each fetch; ends with the function that it returns. */
  onFetch(listener: (status: FetchStatus) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  // ---- bringing files here

  /**
   * Absolute path of an image that is here with all its backing files, after those that were missing were fetched.
   * @throws AppError: `not-found` when no node has it, `refused` for a chain that leads elsewhere and without room, …
   */
  async ensure(text: string, options: WaitOptions = {}): Promise<string> {
    const name = needName(text);
    for (let round = 1; ; round += 1) {
      const { missing } = await followChain(name, (each) => lookHere(this.store, each));
      if (missing === null) return `${this.store.root}/${name}`;
      if (round > chainRounds) throw new AppError('conflict', `${name} changes on other nodes while it is fetched`);
      await this.fetchChain(missing, name, options);
    }
  }

  /** What `ensure` would fetch: the file and its backing files, as far as they are missing here. @throws AppError as `ensure` */
  async missing(text: string, options: Pick<WaitOptions, 'signal'> = {}): Promise<readonly FoundFile[]> {
    const name = needName(text);
    const { missing } = await followChain(name, (each) => lookHere(this.store, each));
    return missing === null ? [] : this.lacking(missing, name, { ...options, fetches: false });
  }

  /**
   * Brings a file, a folder or what fits a pattern here, newer and the head's copies in place of older ones. Resolves once all of it is
   * under way, with a promise of the end.
   * @throws AppError `not-found`, `invalid`, `refused`
   */
  async get(text: string, options: WaitOptions = {}): Promise<{ readonly ended: Promise<void> }> {
    const names = await this.namesToGet(text, options);
    const wanted: { found: FoundFile; mayReplace: boolean }[] = [];
    for (const name of names) {
      const { found } = await this.remoteChain(name, { signal: options.signal, fetches: true });
      for (const [at, each] of found.entries()) {
        const here = await this.store.stat(each.name);
        const isOurs = here !== null && !isSame(each, here) && !this.isNewer(each, here);
        // A file of ours that is newer stays, with the backing files that it has.
        if (at === 0 && isOurs) break;
        if (here !== null && isSame(each, here)) continue;
        if (wanted.some(({ found: { name: known } }) => known === each.name)) continue;
        wanted.push({ found: each, mayReplace: here !== null && !isOurs });
      }
    }
    await this.assertRoom(wanted.map(({ found }) => found));
    if (this.running.size + wanted.length > maxQueuedFetches) throw tooMany();
    const ends = wanted.map(({ found, mayReplace }) => this.wait(this.start(found, mayReplace), options));
    const ended = Promise.allSettled(ends).then((results) => {
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    });
    ended.catch(() => undefined);
    return { ended };
  }

  /**
   * Deletes files of this node, and ends fetches of them. @throws AppError `not-found`, `conflict` for what a VM uses
   */
  async delete(text: string): Promise<void> {
    const isPattern = isGlob(text);
    const names = isPattern ? (await this.list(text, { isRecursive: true })).map(({ name }) => name) : [needName(text)];
    if (names.includes('')) throw new AppError('refused', 'that is -filepath itself: name what is in it');
    let count = 0;
    for (const name of names) count += Number(await this.deleteOne(name));
    if (count === 0) throw new AppError('not-found', `delete ${text}: file not found`);
  }

  stop(): void {
    this.isStopped = true;
    const reason = new AppError('cancelled', 'this meshd is stopping: what has arrived is kept');
    for (const { fetch } of this.running.values()) fetch.cancel(reason);
    this.holder.stop();
    this.puts.stop();
    this.downloads.stop();
    this.manifests.stop();
  }

  private async deleteOne(name: string): Promise<boolean> {
    const { store } = this;
    if (this.incoming.has(name)) throw new AppError('conflict', `${name} is on its way here: cancel that first`);
    const running = this.running.get(name);
    if (running) {
      running.fetch.cancel(new AppError('cancelled', `${name} was deleted while it was fetched`));
      await running.fetch.ended.catch(() => undefined);
    }
    const hadFailed = this.failures.delete(name);
    const hasPart = (await store.readJournal(name).catch(() => null)) !== null;
    if (hasPart) await (await store.openPart(name, { bytes: 0, journal: '' })).discard();
    const entry = await store.stat(name);
    if (!entry) return running !== undefined || hasPart || hadFailed;
    const { entries } = entry.isFolder
      ? await store.list(name, { isRecursive: true, most: maxListedFiles })
      : { entries: [entry] };
    const used = entries.find((each) => this.components.isInUse(`${store.root}/${each.name}`));
    if (used)
      throw new AppError('conflict', `${used.name} is in use by a VM here: \`vm kill\` and \`vm flush\` the VM first`);
    await store.remove(name);
    return true;
  }

  /** Names of files of other nodes. @throws AppError `not-found` */
  private async namesToGet(text: string, { signal }: WaitOptions): Promise<readonly string[]> {
    const isPattern = isGlob(text);
    const name = isPattern ? text : needName(text);
    if (isPattern) needGlob(text);
    const one =
      isPattern || name === ''
        ? null
        : await this.catalogue.whereIs(name, { fetches: false, ...(signal ? { signal } : {}) });
    if (one?.file) return [name];
    const here = isPattern || name === '' ? null : await this.store.stat(name);
    if (here && !here.isFolder) return [];
    const found =
      !one || one.isFolder ? await this.catalogue.names(isPattern ? '' : name, isPattern ? text : '', signal) : null;
    if (found?.isCut) {
      throw new AppError(
        'refused',
        `${text}: more than ${maxQueuedFetches} files on a node: get the folders below it one by one`,
      );
    }
    if (found && found.names.length > 0) return found.names;
    if (here) return [];
    throw notFound(text, found?.silent ?? one?.silent ?? []);
  }

  /** Whether another node's copy takes the place of ours. */
  private isNewer(found: FoundFile, here: FileEntry): boolean {
    const { headId, mesh } = this.components;
    if (here.isFolder) return false;
    return (found.nodeId === headId() && mesh.nodeId !== headId()) || found.modifiedMs > here.modifiedMs;
  }

  /** Brings a file and those of its backing files here that are missing, the last one first. */
  private async fetchChain(missing: string, wanted: string, options: WaitOptions): Promise<void> {
    const lacking = await this.lacking(missing, wanted, { ...options, fetches: true });
    await this.assertRoom(lacking);
    // One that is here has its hash compared: an image over another backing file would be garbage.
    for (const each of lacking.toReversed()) await this.wait(this.start(each, false), options);
  }

  /** A file that is missing here, and those of its backing files that are. @throws AppError `not-found`, `refused` */
  private async lacking(
    missing: string,
    wanted: string,
    { signal, fetches }: { readonly signal?: AbortSignal; readonly fetches: boolean },
  ): Promise<FoundFile[]> {
    const { found, where } = await this.remoteChain(missing, { signal, fetches });
    if (found.length === 0) {
      const error = notFound(missing, where?.silent ?? []);
      throw missing === wanted ? error : new AppError(error.code, `${wanted} needs a backing file. ${error.message}`);
    }
    const lacking: FoundFile[] = [];
    for (const each of found) {
      const here = await this.store.stat(each.name);
      if (here === null || !isSame(each, here)) lacking.push(each);
    }
    return lacking;
  }

  /**
   * A file of other nodes and its backing files, as the others have them. A backing file that nobody has is an error.
   * @throws AppError `not-found`, `refused`
   */
  private async remoteChain(
    name: string,
    { signal, fetches }: { readonly signal: AbortSignal | undefined; readonly fetches: boolean },
  ): Promise<{ readonly found: readonly FoundFile[]; readonly where: WhereIs | null }> {
    const remote: FoundFile[] = [];
    let where: WhereIs | null = null;
    const { missing } = await followChain<ImageFile>(name, async (each) => {
      where = await this.catalogue.whereIs(each, { fetches, ...(signal ? { signal } : {}) });
      const { file } = where;
      if (file) remote.push(file);
      // A backing file that only this node has.
      return file ?? (each === name ? null : await lookHere(this.store, each));
    });
    if (missing !== null && missing !== name) {
      throw new AppError(
        'not-found',
        `${name} needs the backing file ${missing}. ${notFound(missing, (where as WhereIs | null)?.silent ?? []).message}`,
      );
    }
    return { found: remote, where };
  }

  /** What is to come must have room before the first byte of it comes. @throws AppError `refused` */
  private async assertRoom(files: readonly FoundFile[]): Promise<void> {
    // Holes take no room.
    const needed = files.reduce((sum, { bytes, storedBytes }) => sum + Math.min(bytes, storedBytes), 0);
    const free = (await this.store.freeBytes()) - this.reservedBytes(null) - this.incoming.neededBytes;
    if (needed <= free) return;
    const what = files.map(({ name }) => name);
    const named = what.length > 3 ? `${what.slice(0, 3).join(', ')} and ${what.length - 3} more` : what.join(', ');
    throw new AppError(
      'refused',
      `${named}: ${needed} bytes, and ${Math.max(0, free)} are free below -filepath: make room there`,
    );
  }

  private reservedBytes(but: Fetch | null): number {
    let sum = 0;
    for (const { fetch } of this.running.values()) if (fetch !== but) sum += fetch.neededBytes;
    return sum;
  }

  private start(found: FoundFile, mayReplace: boolean): Running {
    const { name, candidates } = found;
    const known = this.running.get(name);
    if (known) return known;
    if (this.isStopped) throw new AppError('cancelled', 'this meshd is stopping');
    // Both would write to the same part.
    if (this.incoming.has(name)) throw new AppError('conflict', `${name} comes to this node from elsewhere now`);
    if (this.running.size >= maxQueuedFetches) throw tooMany();
    const { mesh, clock, random, log, isInUse } = this.components;
    const fetch = new Fetch(
      { name, candidates, mayReplace },
      {
        store: this.store,
        manifests: this.manifests,
        streams: mesh.streams,
        clock,
        random,
        log,
        isInUse,
        nameOf: (id) => mesh.nameOf(id),
        whoHas: (file) => this.catalogue.whoHas(file),
        reservedBytes: (self) => this.reservedBytes(self),
        onChange: (each) => this.tell(each.status()),
      },
    );
    const running: Running = { fetch, waiters: new Set() };
    this.running.set(name, running);
    this.failures.delete(name);
    fetch.ended.then(
      () => this.ended(running, null),
      (error: unknown) => this.ended(running, error),
    );
    this.queue.push(fetch);
    this.runNext();
    return running;
  }

  private runNext(): void {
    const active = [...this.running.values()].filter(({ fetch }) => !this.queue.includes(fetch)).length;
    if (active >= maxFetches) return;
    const next = this.queue.shift();
    if (!next) return;
    void next.run();
    this.runNext();
  }

  private ended({ fetch }: Running, error: unknown): void {
    this.running.delete(fetch.name);
    const at = this.queue.indexOf(fetch);
    if (at >= 0) this.queue.splice(at, 1);
    const status = fetch.status();
    if (error instanceof AppError && error.code === 'cancelled') {
      this.components.log.info(`files: the fetch of ${fetch.name} was cancelled`);
    } else if (error !== null) {
      this.keepFailure(status);
      this.components.log.warn(`files: ${status.error}`);
    } else this.components.log.info(`files: fetched ${fetch.name}, ${status.bytes} bytes`);
    this.tell(status);
    this.runNext();
  }

  private keepFailure(status: FetchStatus): void {
    this.failures.set(status.name, status);
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= keptFailures) break;
      this.failures.delete(oldest);
    }
  }

  private tell(status: FetchStatus): void {
    for (const listener of [...this.listeners]) listener(status);
  }

  /** Waits for a fetch; who gives up leaves it to those who still wait, and the last one ends it. */
  private async wait({ fetch, waiters }: Running, { signal, onProgress }: WaitOptions): Promise<void> {
    const self = {};
    waiters.add(self);
    const given = Promise.withResolvers<never>();
    given.promise.catch(() => undefined);
    const onAbort = () => {
      waiters.delete(self);
      const reason: unknown = signal?.reason;
      const error = reason instanceof AppError ? reason : cancelled();
      if (waiters.size === 0) fetch.cancel(error);
      given.reject(error);
    };
    const unfollow =
      onProgress &&
      this.onFetch((status) => {
        if (status.name === fetch.name) onProgress(status);
      });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      await Promise.race([fetch.ended, given.promise]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      unfollow?.();
      waiters.delete(self);
    }
  }
}

const tooMany = () =>
  new AppError('refused', `more than ${maxQueuedFetches} files would be on their way here: wait for some of them`);

/** As a fetch leaves it: with the time of the original. */
const isSame = (found: FoundFile, here: FileEntry) =>
  found.bytes === here.bytes && found.modifiedMs === here.modifiedMs;

/** minimega's text, with where it was looked for, or the nodes that could not be asked. */
function notFound(name: string, silent: readonly string[]): AppError {
  const more = silent.length > 5 ? `; and ${silent.length - 5} more` : '';
  const where =
    silent.length === 0
      ? ': no node has it below -filepath'
      : ` on the nodes that answered (${silent.slice(0, 5).join('; ')}${more})`;
  return new AppError('not-found', `get ${name}: file not found${where}`);
}

/** @throws AppError `invalid` */
function needName(text: string): string {
  const parsed = parseFileName(text);
  if (!parsed.ok) throw new AppError('invalid', parsed.message);
  return parsed.name;
}

/** @throws AppError `invalid` */
function needGlob(text: string) {
  const glob = parseGlob(text);
  if (!glob) throw new AppError('invalid', `\`${text.slice(0, 80)}\`: not a complete pattern`);
  return glob;
}
