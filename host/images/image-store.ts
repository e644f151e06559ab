// The files below -filepath, as meshd uses them. Two adapters: this Linux host (linux-store.ts), and one in memory for simulated
// nodes and tests (memory-image-store.ts); image-store-compliance.ts says what both do. Names are those of core/files/file-name.ts. Nothing here
// follows a symlink, or knows a VM or another node.
import type { DiskTool } from './disk-tool.ts';
import type { ImageFormat } from './headers.ts';

export interface FileEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly bytes: number;
  /** What the disk holds of it: less than `bytes` when there are holes. */
  readonly storedBytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Another text when the content may be another. */
  readonly version: string;
}

export interface Listing {
  readonly entries: readonly FileEntry[];
  /** There are more than were looked at. */
  readonly isCut: boolean;
}

export interface FileHashes {
  /** SHA-256 of the whole, in hex. */
  readonly total: string;
  /** SHA-256 of each chunk, 32 bytes each. */
  readonly chunks: Buffer;
}

export interface HashOptions {
  readonly chunkBytes: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

export interface OpenFile {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly version: string;
  /** Fewer bytes than asked for at the end of the file. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Not on this thread, so that a large file holds nothing else up. @throws AppError `cancelled` */
  hash(options: HashOptions): Promise<FileHashes>;
  close(): Promise<void>;
}

/** A file that is being fetched: beside the one that it will be, under a name that nobody else uses. */
export interface PartFile extends Omit<OpenFile, 'modifiedMs' | 'version'> {
  /** What the disk holds of it: less than `bytes` while there are holes. */
  allocatedBytes(): Promise<number>;
  /** Leaves holes where all is zero. */
  write(offset: number, data: Buffer): Promise<void>;
  /** Makes it the file: written to the disk first, and in place of an older one at once. It is closed then. */
  publish(facts: { readonly modifiedMs: number }): Promise<void>;
  /** Removes it with its journal. */
  discard(): Promise<void>;
}

/** A file that is being made: nobody sees it under its name before all of it is there. One of these ends it. */
export interface NewFile {
  /** Absolute path of what is being written, in the folder of the file that it will be: for programs. */
  readonly path: string;
  /** Adds to its end, and leaves holes where all is zero. */
  append(data: Buffer): Promise<void>;
  /** Written to the disk, then under its name. @throws AppError `conflict` when there is a file and it may not be replaced; it is discarded then */
  publish(options: { readonly mayReplace: boolean }): Promise<void>;
  discard(): Promise<void>;
}

export interface OverlayBase {
  /** Name of the image below the overlay. */
  readonly name: string;
  /** Its format: QEMU must not guess. */
  readonly format: ImageFormat;
}

export interface FileStore {
  /** Absolute path of -filepath. */
  readonly root: string;
  /** Null when there is no such file or folder. @throws AppError `refused` for a symlink on the way */
  stat(name: string): Promise<FileEntry | null>;
  /** Files and folders in a folder, or also in all below it; no more than `most`. Empty for a folder that is not there. */
  list(folder: string, options: { readonly isRecursive: boolean; readonly most: number }): Promise<Listing>;
  /** @throws AppError `not-found`, `refused`, `invalid` (a folder, a pipe) */
  open(name: string): Promise<OpenFile>;
  /** Opens the part of an earlier fetch, or begins one. The journal is the caller's text. @throws AppError `refused`, `conflict` */
  openPart(name: string, facts: { readonly bytes: number; readonly journal: string }): Promise<PartFile>;
  /** What `openPart` was given last for this file; null without a part. */
  readJournal(name: string): Promise<string | null>;
  /** Removes parts that nobody wrote to since then: of fetches that nobody repeated. @returns how many */
  removeStaleParts(before: { readonly ms: number }): Promise<number>;
  /** Begins a file, in folders that are made for it. @throws AppError `refused`, `conflict` */
  newFile(name: string): Promise<NewFile>;
  /** Changes disk images of this store. */
  readonly disks: DiskTool;
  /** Removes a file, or a folder with all in it. @throws AppError `not-found` */
  remove(name: string): Promise<void>;
  /** What files may take up yet. */
  freeBytes(): Promise<number>;
  /** Calls `onChange` when something in these folders may have changed; it may miss changes, and it may call for none. */
  watch(folders: readonly string[], onChange: () => void): () => void;
  /** A qcow2 image over one of ours, for a VM's own writes. `path`: absolute, in the VM's folder. @throws AppError */
  createOverlay(path: string, base: OverlayBase): Promise<void>;
}
