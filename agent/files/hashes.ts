// The hashes of this node's files: computed when someone asks, one file at a time, and kept while the file stays as it is.
import { AppError } from '../../contract/errors.ts';
import { fileChunkBytes } from '../../core/files/chunks.ts';
import type { FileEntry, FileStore } from '../../host/images/image-store.ts';
import type { Manifest } from './wire.ts';

/** A manifest of a usual image is 32 kB. */
const kept = 256;
const maxKeptBytes = 64 * 1024 * 1024;

interface Known {
  readonly version: string;
  readonly manifest: Manifest;
}

export class FileManifests {
  private readonly store: Pick<FileStore, 'open'>;
  private readonly known = new Map<string, Known>();
  private readonly running = new Map<string, Promise<Manifest>>();
  private readonly stopping = new AbortController();
  private last: Promise<unknown> = Promise.resolve();

  constructor(store: Pick<FileStore, 'open'>) {
    this.store = store;
  }

  /** Without reading the file; null when it is not known. */
  peek(entry: Pick<FileEntry, 'name' | 'version'>): Manifest | null {
    const known = this.known.get(entry.name);
    return known?.version === entry.version ? known.manifest : null;
  }

  /** Others who ask meanwhile wait for the same. @throws AppError as `FileStore.open`, and when the file changes meanwhile */
  of(entry: FileEntry): Promise<Manifest> {
    const known = this.peek(entry);
    if (known) return Promise.resolve(known);
    const key = `${entry.version} ${entry.name}`;
    const running = this.running.get(key);
    if (running) return running;
    // One after the other: the disk has one head, and other work wants the processor too.
    const manifest = this.last.then(() => this.read(entry.name));
    this.last = manifest.catch(() => undefined);
    this.running.set(key, manifest);
    const end = () => this.running.delete(key);
    manifest.then(end, end);
    return manifest;
  }

  /** What a fetch has just checked. */
  learn(entry: Pick<FileEntry, 'name' | 'version'>, manifest: Manifest): void {
    this.known.delete(entry.name);
    this.known.set(entry.name, { version: entry.version, manifest });
    let bytes = 0;
    for (const { manifest: each } of this.known.values()) bytes += each.hashes.chunks.length;
    for (const [name, { manifest: each }] of this.known) {
      if (this.known.size <= kept && bytes <= maxKeptBytes) break;
      this.known.delete(name);
      bytes -= each.hashes.chunks.length;
    }
  }

  stop(): void {
    this.stopping.abort();
  }

  private async read(name: string): Promise<Manifest> {
    const file = await this.store.open(name);
    try {
      const { bytes, modifiedMs, version } = file;
      const { signal } = this.stopping;
      const hashes = await file.hash({ chunkBytes: fileChunkBytes(bytes), signal });
      const after = await this.store.open(name);
      await after.close();
      if (after.version !== version) throw new AppError('conflict', `${name} changed while it was read`);
      const manifest = { bytes, modifiedMs, hashes };
      this.learn({ name, version }, manifest);
      return manifest;
    } finally {
      await file.close();
    }
  }
}
