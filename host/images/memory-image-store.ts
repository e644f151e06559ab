// Files in memory: for simulated nodes, whose disks do not exist, and for tests.
import { createHash } from 'node:crypto';
import { AppError } from '../../contract/errors.ts';
import { folderOf, partPrefix } from '../../core/files/file-name.ts';
import type { DiskTool } from './disk-tool.ts';
import { describeImage, headBytesFor } from './headers.ts';
import { qcow2 } from './made-images.ts';
import { createMemoryDiskTool } from './memory-disk-tool.ts';
import type { FileEntry, FileHashes, FileStore, HashOptions, NewFile, OpenFile, PartFile } from './image-store.ts';

interface MemoryFile {
  readonly data: Buffer;
  readonly modifiedMs: number;
  readonly version: string;
}

interface MemoryPart {
  data: Buffer;
  journal: string;
  writtenMs: number;
}

export interface MemoryStoreOptions {
  readonly root?: string;
  readonly now: () => number;
  /** Of the disk; 1 TiB unless given. */
  readonly diskBytes?: number;
}

export class MemoryStore implements FileStore {
  readonly root: string;
  /** By absolute path. */
  readonly overlays = new Map<string, Buffer>();
  /** Tests fill the disk with it. */
  diskBytes: number;
  private readonly now: () => number;
  private readonly files = new Map<string, MemoryFile>();
  private readonly parts = new Map<string, MemoryPart>();
  /** Files that are being made, by absolute path. */
  private readonly making = new Map<string, Buffer>();
  private readonly watchers = new Set<() => void>();
  private versions = 0;
  readonly disks: DiskTool = createMemoryDiskTool({
    read: (path) => this.making.get(path) ?? this.need(path.slice(this.root.length + 1)).data,
    write: (path, data) => {
      if (this.making.has(path)) this.making.set(path, data);
      else this.put(path.slice(this.root.length + 1), data);
    },
  });

  constructor(options: MemoryStoreOptions) {
    this.root = options.root ?? '/memory/files';
    this.now = options.now;
    this.diskBytes = options.diskBytes ?? 2 ** 40;
  }

  /** Writes a file whole. */
  put(name: string, data: Buffer, modifiedMs = this.now()): void {
    this.versions += 1;
    this.files.set(name, { data, modifiedMs, version: String(this.versions) });
    for (const onChange of this.watchers) onChange();
  }

  /** Changes a byte without a sign, as a disk does that goes bad. */
  flip(name: string, at: number): void {
    const { data } = this.need(name);
    data[at] = (data[at] ?? 0) ^ 0xff;
  }

  content(name: string): Buffer | null {
    return this.files.get(name)?.data ?? null;
  }

  stat(name: string): Promise<FileEntry | null> {
    return Promise.resolve(this.entry(name));
  }

  list(folder: string, { isRecursive, most }: { isRecursive: boolean; most: number }) {
    const inside = folder === '' ? '' : `${folder}/`;
    const names = new Set<string>();
    for (const name of this.files.keys()) {
      if (!name.startsWith(inside)) continue;
      const parts = name.slice(inside.length).split('/');
      const deepest = isRecursive ? parts.length : 1;
      for (let depth = 1; depth <= deepest; depth += 1) names.add(inside + parts.slice(0, depth).join('/'));
    }
    const entries = [...names].slice(0, most).flatMap((name) => this.entry(name) ?? []);
    return Promise.resolve({ entries, isCut: names.size > most });
  }

  open(name: string): Promise<OpenFile> {
    return settled(() => {
      const { data, modifiedMs, version } = this.need(name);
      return { ...readingOf(() => data), bytes: data.length, modifiedMs, version, close: () => Promise.resolve() };
    });
  }

  openPart(name: string, { bytes, journal }: { bytes: number; journal: string }): Promise<PartFile> {
    return settled(() => {
      if (this.entry(name)?.isFolder) {
        throw new AppError('conflict', `${name} is here, and is not a file: move it away`);
      }
      const part = this.parts.get(name) ?? { data: Buffer.alloc(0), journal, writtenMs: 0 };
      part.journal = journal;
      part.writtenMs = this.now();
      part.data = Buffer.concat([part.data, Buffer.alloc(Math.max(0, bytes - part.data.length))]).subarray(0, bytes);
      this.parts.set(name, part);
      return {
        ...readingOf(() => part.data),
        bytes,
        allocatedBytes: () => Promise.resolve(allocatedOf(part.data)),
        write: (offset, data) =>
          settled(() => {
            if (this.used() + data.length > this.diskBytes) throw new AppError('failed', 'ENOSPC: no space left');
            data.copy(part.data, offset);
            part.writtenMs = this.now();
          }),
        publish: ({ modifiedMs }) =>
          settled(() => {
            this.parts.delete(name);
            this.put(name, part.data, modifiedMs);
          }),
        close: () => Promise.resolve(),
        discard: () => settled(() => void this.parts.delete(name)),
      };
    });
  }

  readJournal(name: string): Promise<string | null> {
    return Promise.resolve(this.parts.get(name)?.journal ?? null);
  }

  removeStaleParts({ ms }: { ms: number }): Promise<number> {
    return settled(() => {
      const stale = [...this.parts].filter(([, { writtenMs }]) => writtenMs < ms);
      for (const [name] of stale) this.parts.delete(name);
      return stale.length;
    });
  }

  newFile(name: string): Promise<NewFile> {
    return settled(() => {
      if (this.entry(name)?.isFolder) {
        throw new AppError('conflict', `${name} is here, and is not a file: move it away`);
      }
      this.versions += 1;
      const folder = folderOf(name);
      const path = `${this.root}/${folder === '' ? '' : `${folder}/`}${partPrefix}new-${this.versions}`;
      this.making.set(path, Buffer.alloc(0));
      return {
        path,
        append: (data) =>
          settled(() => {
            if (this.used() + data.length > this.diskBytes) throw new AppError('failed', 'ENOSPC: no space left');
            this.making.set(path, Buffer.concat([this.making.get(path) ?? Buffer.alloc(0), data]));
          }),
        publish: ({ mayReplace }) =>
          settled(() => {
            const data = this.making.get(path) ?? Buffer.alloc(0);
            this.making.delete(path);
            if (!mayReplace && this.files.has(name)) {
              throw new AppError(
                'conflict',
                `${name} is there already: choose another name, or \`file delete\` it first`,
              );
            }
            this.put(name, data);
          }),
        discard: () => settled(() => void this.making.delete(path)),
      };
    });
  }

  /** How many files are being made. */
  get unfinished(): number {
    return this.making.size;
  }

  remove(name: string): Promise<void> {
    return settled(() => {
      if (!this.entry(name)) throw new AppError('not-found', `${name}: no such file below ${this.root}`);
      for (const known of [...this.files.keys()]) {
        if (known === name || known.startsWith(`${name}/`)) this.files.delete(known);
      }
      for (const onChange of this.watchers) onChange();
    });
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(Math.max(0, this.diskBytes - this.used()));
  }

  watch(_folders: readonly string[], onChange: () => void): () => void {
    this.watchers.add(onChange);
    return () => void this.watchers.delete(onChange);
  }

  createOverlay(path: string, base: { name: string; format: string }): Promise<void> {
    return settled(() => {
      const { data } = this.need(base.name);
      const { virtualBytes } = describeImage(data.subarray(0, headBytesFor(data)), data.length);
      const backing = { file: `${this.root}/${base.name}`, format: base.format };
      this.overlays.set(path, qcow2({ virtualBytes, backing }));
    });
  }

  private need(name: string): MemoryFile {
    const file = this.files.get(name);
    if (file) return file;
    if (this.entry(name)) throw new AppError('invalid', `${name} is not a regular file`);
    throw new AppError('not-found', `${name}: no such file below ${this.root}`);
  }

  private entry(name: string): FileEntry | null {
    const file = this.files.get(name);
    if (file) {
      const { data, modifiedMs, version } = file;
      return { name, isFolder: false, bytes: data.length, storedBytes: allocatedOf(data), modifiedMs, version };
    }
    const inside =
      name === '' ? [...this.files.keys()] : [...this.files.keys()].filter((each) => each.startsWith(`${name}/`));
    if (inside.length === 0 && name !== '') return null;
    return { name, isFolder: true, bytes: 4_096, storedBytes: 4_096, modifiedMs: this.now(), version: folderOf(name) };
  }

  private used(): number {
    const sum = (buffers: Buffer[]) => buffers.reduce((bytes, data) => bytes + allocatedOf(data), 0);
    return (
      sum([...this.files.values()].map(({ data }) => data)) +
      sum([...this.parts.values()].map(({ data }) => data)) +
      sum([...this.making.values()])
    );
  }
}

const blockBytes = 4_096;

/** A disk holds no blocks of zeros. */
function allocatedOf(data: Buffer): number {
  let bytes = 0;
  for (let at = 0; at < data.length; at += blockBytes) {
    if (data.subarray(at, at + blockBytes).some((byte) => byte !== 0)) bytes += blockBytes;
  }
  return bytes;
}

function readingOf(data: () => Buffer): Pick<OpenFile, 'read' | 'hash'> {
  return {
    read: (offset, length) => Promise.resolve(Buffer.from(data().subarray(offset, offset + length))),
    hash: (options) => settled(() => hashesOf(data(), options)),
  };
}

function hashesOf(data: Buffer, { chunkBytes, signal }: HashOptions): FileHashes {
  if (signal?.aborted) throw new AppError('cancelled', 'cancelled');
  const sha256 = (piece: Buffer) => createHash('sha256').update(piece).digest();
  const chunks: Buffer[] = [];
  for (let at = 0; at < data.length; at += chunkBytes) chunks.push(sha256(data.subarray(at, at + chunkBytes)));
  return { total: sha256(data).toString('hex'), chunks: Buffer.concat(chunks) };
}

/** What an asynchronous adapter does: a value or an error, later. */
function settled<T>(work: () => T): Promise<T> {
  return Promise.resolve().then(work);
}
