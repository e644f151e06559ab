// The side that has a file, or parts of it, and serves chunks to fetches of other nodes. It checks nothing that it reads: who fetches
// a chunk checks it, since a disk and a network lie between.
import type { Duplex } from 'node:stream';
import { once } from 'node:events';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxFileNameBytes, maxServedFiles } from '../../contract/limits.ts';
import { bytesOfChunk, chunkCount, fileChunkBytes } from '../../core/files/chunks.ts';
import { parseFileName } from '../../core/files/file-name.ts';
import type { FileStore, OpenFile } from '../../host/images/image-store.ts';
import type { Clock, Timer } from '../mesh/clock.ts';
import type { StreamCall } from '../mesh/streams.ts';
import type { FileManifests } from './hashes.ts';
import {
  encodeFrame,
  fileFrame,
  FrameReader,
  haveFrame,
  indexFrame,
  manifestFrame,
  readIndex,
  type Bits,
  type Manifest,
} from './wire.ts';

const aliveMs = 2_000;

/** What a stream is opened with. `hash`: of the file that is wanted; null for whatever is here. `manifest`: it is wanted too. */
export const FileStreamArgs = z.object({
  name: z.string().max(maxFileNameBytes),
  hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  manifest: z.boolean(),
});

/** A fetch that is under way here, as far as others may take from it. */
export interface SharedPart {
  readonly manifest: Manifest;
  readonly done: Bits;
  /** Calls for each chunk that is new; ends with the function that it returns. */
  onGot(listener: (index: number) => void): () => void;
  /** Null once the file has taken the place of the part. */
  read(offset: number, length: number): Promise<Buffer> | null;
}

export interface HolderComponents {
  readonly store: FileStore;
  readonly manifests: FileManifests;
  readonly clock: Pick<Clock, 'after'>;
  readonly nodeName: () => string;
  /** The fetch of this file that is under way here. */
  readonly part: (name: string) => SharedPart | null;
}

export class Holder {
  private readonly components: HolderComponents;
  private readonly streams = new Set<Duplex>();
  /** Bytes of chunks that left this node, for tests and figures. */
  servedBytes = 0;

  constructor(components: HolderComponents) {
    this.components = components;
  }

  /** Streams that are served now. */
  get serving(): number {
    return this.streams.size;
  }

  /** Handles the service `file`. @throws AppError as the answer to who asked */
  readonly serve = async ({ args, accept }: StreamCall): Promise<void> => {
    const parsed = FileStreamArgs.safeParse(args);
    if (!parsed.success) throw new AppError('invalid', 'a stream for a file names it, and its hash or null');
    const name = parseFileName(parsed.data.name);
    if (!name.ok) throw new AppError('invalid', name.message);
    const { nodeName, store, part } = this.components;
    if (this.streams.size >= maxServedFiles) {
      throw new AppError('conflict', `${nodeName()} serves ${maxServedFiles} streams of files, which is the limit`);
    }
    const shared = part(name.name);
    const entry = await store.stat(name.name);
    const isFile = entry !== null && !entry.isFolder;
    if (!shared && !isFile) throw new AppError('not-found', `${name.name} is not on ${nodeName()}`);
    const stream = accept();
    this.streams.add(stream);
    stream.once('close', () => this.streams.delete(stream));
    try {
      const { hash, manifest: wantsManifest } = parsed.data;
      const isPart = shared !== null && (hash === null ? !isFile : hash === shared.manifest.hashes.total);
      const manifest = isPart ? shared.manifest : await this.manifestOf(stream, name.name);
      if (hash !== null && hash !== manifest.hashes.total) {
        throw new AppError('refused', `${name.name} is another file on ${nodeName()}`);
      }
      if (wantsManifest) stream.write(manifestFrame(manifest));
      await this.serveChunks(stream, { name: name.name, manifest, shared: isPart ? shared : null });
    } catch (error) {
      const why = error instanceof AppError ? error : new AppError('failed', describeError(error), { cause: error });
      stream.destroy(why);
    }
  };

  stop(): void {
    for (const stream of this.streams) stream.destroy();
  }

  /** A large file takes a while to hash: the fetch hears meanwhile that this node is still there. */
  private async manifestOf(stream: Duplex, name: string): Promise<Manifest> {
    const { store, manifests, clock, nodeName } = this.components;
    const entry = await store.stat(name);
    if (!entry || entry.isFolder) throw new AppError('not-found', `${name} is not on ${nodeName()}`);
    let timer: Timer | null = null;
    const tick = () => {
      stream.write(encodeFrame(fileFrame.alive));
      timer = clock.after(aliveMs, tick);
    };
    tick();
    try {
      return await manifests.of(entry);
    } finally {
      (timer as Timer | null)?.cancel();
    }
  }

  private async serveChunks(
    stream: Duplex,
    {
      name,
      manifest,
      shared,
    }: { readonly name: string; readonly manifest: Manifest; readonly shared: SharedPart | null },
  ): Promise<void> {
    const { bytes } = manifest;
    const count = chunkCount(bytes);
    let file: OpenFile | null = shared ? null : await this.components.store.open(name);
    const readChunk = async (index: number): Promise<Buffer> => {
      const offset = index * fileChunkBytes(bytes);
      const length = bytesOfChunk(bytes, index);
      const fromPart = shared?.read(offset, length);
      if (fromPart) return fromPart;
      // The part is the file now.
      file ??= await this.components.store.open(name);
      return file.read(offset, length);
    };
    stream.write(haveFrame(shared ? shared.done : 'all'));
    const unfollow = shared?.onGot((index) => void stream.write(indexFrame(fileFrame.got, index)));
    try {
      const frames = new FrameReader('holder');
      for await (const piece of stream as AsyncIterable<Buffer>) {
        for (const frame of frames.push(piece)) {
          if (frame.type !== fileFrame.want)
            throw new AppError('invalid', 'a fetch asks for chunks, and sends nothing else');
          const index = readIndex(frame, count);
          if (shared && !shared.done.has(index)) {
            stream.write(indexFrame(fileFrame.lacks, index));
            continue;
          }
          const data = await readChunk(index);
          this.servedBytes += data.length;
          // One chunk at a time: a slow reader holds no more than that in this node's memory.
          if (!stream.write(indexFrame(fileFrame.chunk, index, data))) await drained(stream);
        }
      }
    } finally {
      unfollow?.();
      await file?.close();
    }
    stream.end();
  }
}

/** Resolves when more may be written, or the stream is over. */
async function drained(stream: Duplex): Promise<void> {
  if (stream.destroyed) return;
  const abort = new AbortController();
  const { signal } = abort;
  try {
    await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]);
  } finally {
    abort.abort();
  }
}
