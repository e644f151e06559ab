// Files that come to this node from outside of the cluster, by upload or by URL: which ones are under way, whether they may come, and the last steps that
// both share. Nobody sees a file before its whole was read back and is an image that VMs can use.
import { AppError } from '../../contract/errors.ts';
import { maxIncoming } from '../../contract/limits.ts';
import type { ImageUse, Uploaded } from '../../contract/uploads.ts';
import { chunkCount, fileChunkBytes } from '../../core/files/chunks.ts';
import type { FileEntry, FileHashes, FileStore, PartFile } from '../../host/images/image-store.ts';
import type { Clock } from '../mesh/clock.ts';
import type { FetchState, FetchStatus } from './fetch.ts';
import { findUse } from './image-check.ts';
import { hashBytes, type Manifest } from './wire.ts';

export interface IncomingComponents {
  readonly nodeName: () => string;
  readonly store: FileStore;
  readonly clock: Pick<Clock, 'after' | 'now' | 'wallNow'>;
  /** A VM of this node uses the file with this path. */
  readonly isInUse: (path: string) => boolean;
  /** A fetch of this file is under way. */
  readonly isFetching: (name: string) => boolean;
  /** Bytes that fetches are about to need. */
  readonly fetchingBytes: () => number;
  readonly onChange: (status: FetchStatus) => void;
  /** One failed for which nobody waits. */
  readonly onFailed: (status: FetchStatus) => void;
  /** The hashes of a file that is here. */
  readonly manifestOf: (entry: FileEntry) => Promise<Manifest>;
  /** A file has its name now. */
  readonly onArrived: (name: string, hashes: FileHashes) => Promise<void>;
}

export interface Wanted {
  readonly name: string;
  /** A file of this name that is here goes. */
  readonly mayReplace: boolean;
}

export class Incoming {
  readonly components: IncomingComponents;
  private readonly running = new Map<string, FetchStatus>();

  constructor(components: IncomingComponents) {
    this.components = components;
  }

  status(): FetchStatus[] {
    return [...this.running.values()];
  }

  has(name: string): boolean {
    return this.running.has(name);
  }

  /** Bytes that are still to come. */
  get neededBytes(): number {
    return this.status().reduce((sum, { bytes, doneBytes }) => sum + Math.max(0, bytes - doneBytes), 0);
  }

  /** Does the work while the file counts as being on its way. @throws AppError `conflict`, and what the work throws */
  async during<T>(name: string, work: () => Promise<T>): Promise<T> {
    const { nodeName, isFetching, onChange } = this.components;
    const by = this.has(name) || isFetching(name);
    if (by) {
      // Of a connection that broke, this node may not know yet.
      const detail = { again: true };
      throw new AppError('conflict', `${name} is on its way to ${nodeName()} already`, { detail });
    }
    if (this.running.size >= maxIncoming) {
      throw new AppError('conflict', `${nodeName()} takes ${maxIncoming} files at a time: wait for one`);
    }
    this.tell(name, 'starting', { bytes: 0, doneBytes: 0 });
    try {
      return await work();
    } finally {
      const last = this.running.get(name);
      this.running.delete(name);
      // Rows and waiters hear that it is over; what is here then is in the list of files.
      if (last) onChange({ ...last, state: 'done' });
    }
  }

  tell(
    name: string,
    state: FetchState,
    { bytes, doneBytes }: { readonly bytes: number; readonly doneBytes: number },
  ): FetchStatus {
    const chunks = chunkCount(bytes);
    const doneChunks = bytes === 0 ? 0 : Math.min(chunks, Math.floor(doneBytes / fileChunkBytes(bytes)));
    const status = { name, state, bytes, doneBytes, chunks, doneChunks, sources: [], leftOut: [], error: '' };
    this.running.set(name, status);
    this.components.onChange(status);
    return status;
  }

  failed(name: string, error: string): void {
    const none = { bytes: 0, doneBytes: 0, chunks: 0, doneChunks: 0, sources: [], leftOut: [] };
    this.components.onFailed({ name, state: 'failed', error, ...none });
  }

  /** @throws AppError `conflict` for a file that is here and stays */
  async assertMay({ name, mayReplace }: Wanted): Promise<void> {
    const { store, isInUse, nodeName } = this.components;
    const here = await store.stat(name);
    if (!here) return;
    if (here.isFolder) throw new AppError('conflict', `${name} is a folder on ${nodeName()}: choose another name`);
    if (isInUse(`${store.root}/${name}`)) {
      throw new AppError('conflict', `${name} is in use by a VM on ${nodeName()}: choose another name`);
    }
    if (!mayReplace) {
      throw new AppError('conflict', `${name} is on ${nodeName()} already: replace it, or choose another name`);
    }
  }

  /** A file of this name that has these very chunks, or null. @throws AppError `refused` when it does not do for this use */
  async findSame(wanted: Wanted & { readonly use: ImageUse | null }, chunks: Buffer): Promise<Uploaded | null> {
    const { store, manifestOf, nodeName } = this.components;
    const { name, use } = wanted;
    const entry = await store.stat(name);
    if (!entry || entry.isFolder || chunks.length !== chunkCount(entry.bytes) * hashBytes) return null;
    const { bytes, hashes } = await manifestOf(entry);
    if (!hashes.chunks.equals(chunks)) return null;
    const file = await store.open(name);
    try {
      const image = await findUse(name, file, use);
      if ('issue' in image) throw new AppError('refused', image.issue);
      return { name, bytes, hash: hashes.total, format: image.format, node: nodeName(), wasThere: true };
    } finally {
      await file.close();
    }
  }

  /** @throws AppError `refused` when these bytes do not fit on the disk */
  async assertRoom(name: string, bytes: number): Promise<void> {
    const { store, fetchingBytes, nodeName } = this.components;
    const others = this.status().reduce((sum, one) => sum + (one.name === name ? 0 : one.bytes - one.doneBytes), 0);
    const free = Math.max(0, (await store.freeBytes()) - fetchingBytes() - others);
    if (bytes <= free) return;
    throw new AppError(
      'refused',
      `${name} needs ${bytes} bytes more, and ${free} are free below -filepath of ${nodeName()}: make room there`,
    );
  }

  /** Reads it back, looks what it is, and gives it its name. `expected`: the hashes of its chunks; null where nobody said them. */
  async finish(
    wanted: Wanted & { readonly use: ImageUse | null },
    part: PartFile,
    { expected, signal }: { readonly expected: FileHashes['chunks'] | null; readonly signal?: AbortSignal },
  ): Promise<Uploaded> {
    const { name, use } = wanted;
    const { bytes } = part;
    const { clock, nodeName } = this.components;
    this.tell(name, 'checking', { bytes, doneBytes: bytes });
    const found = await part.hash({ chunkBytes: fileChunkBytes(bytes), ...(signal ? { signal } : {}) });
    if (expected !== null && !found.chunks.equals(expected)) {
      await part.discard();
      throw new AppError('failed', `${name}: the disk does not give back what was written: send it again`);
    }
    const image = await findUse(name, part, use);
    if ('issue' in image) {
      await part.discard();
      throw new AppError('refused', image.issue);
    }
    // Somebody may have been quicker with this name.
    await this.assertMay(wanted);
    await part.publish({ modifiedMs: clock.wallNow() });
    await this.components.onArrived(name, found);
    return { name, bytes, hash: found.total, format: image.format, node: nodeName() };
  }
}
