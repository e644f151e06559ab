// Takes files that somebody uploads to this node, over a stream to the service `file-put` (SPEC.md, C14). The uploader says the hash of every chunk
// first; what an upload that was cut off has left is hashed, and only the rest is sent.
//
//   uploader                                     this node
//     manifest 1 (hash of each chunk 32)  -->
//                                         <--    alive 0                  while it hashes, every 2 s
//                                         <--    have 2 (0, a bit for each chunk)
//     chunk 4 (index 4, data)             -->
//                                         <--    got 3 (index 4)          it is checked, and written
//                                         <--    done 7 (JSON)            the whole has its name, or had it before with these hashes
//                                         <--    refused 8 (JSON)         at any time, and then the end
//
// INVARIANT: streams of other nodes are refused. Who uploads to a node has its command socket.
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import { maxFileBytes, maxFileNameBytes } from '../../contract/limits.ts';
import { imageUses, type UploadArgs, type Uploaded, type UploadRefusal } from '../../contract/uploads.ts';
import { bytesOfChunk, chunkCount, fileChunkBytes } from '../../core/files/chunks.ts';
import { parseFileName } from '../../core/files/file-name.ts';
import type { PartFile } from '../../host/images/image-store.ts';
import type { Timer } from '../mesh/clock.ts';
import type { StreamCall } from '../mesh/streams.ts';
import type { Incoming } from './incoming.ts';
import {
  Bits,
  encodeFrame,
  fileFrame,
  type Frame,
  FrameReader,
  hashBytes,
  hashOf,
  haveFrame,
  indexFrame,
  sha256,
} from './wire.ts';

const PutArgs: z.ZodType<UploadArgs> = z.object({
  name: z.string().max(maxFileNameBytes),
  bytes: z.number().int().min(1).max(maxFileBytes),
  mayReplace: z.boolean(),
  use: z.enum(imageUses).nullable(),
});

const aliveMs = 2_000;
/** An uploader that says nothing for so long is gone. What has arrived is kept. */
const silentMs = 60_000;

interface Upload extends UploadArgs {
  readonly hashes: Buffer;
  readonly part: PartFile;
  readonly done: Bits;
}

export class Puts {
  private readonly nodeId: string;
  private readonly incoming: Incoming;
  private readonly streams = new Set<Duplex>();

  constructor(nodeId: string, { incoming }: { incoming: Incoming }) {
    this.nodeId = nodeId;
    this.incoming = incoming;
  }

  stop(): void {
    for (const stream of this.streams) stream.destroy();
  }

  /** Handles the service. @throws AppError as the answer to who asked */
  readonly serve = async ({ args, from, accept }: StreamCall): Promise<void> => {
    const { nodeName } = this.incoming.components;
    if (from.nodeId !== this.nodeId) {
      throw new AppError('refused', `${nodeName()} takes uploads over its own command socket only`);
    }
    const parsed = PutArgs.safeParse(args);
    if (!parsed.success) throw new AppError('invalid', 'an upload says the name and the size of its file');
    const name = parseFileName(parsed.data.name);
    if (!name.ok) throw new AppError('invalid', name.message);
    if (name.name === '') throw new AppError('invalid', 'an upload has the name of a file');
    const wanted = { ...parsed.data, name: name.name };
    const stream = accept();
    this.streams.add(stream);
    // What breaks it is an error of its reader.
    stream.on('error', () => undefined);
    try {
      const uploaded = await this.incoming.during(wanted.name, () => this.take(wanted, stream));
      stream.end(encodeFrame(fileFrame.done, Buffer.from(JSON.stringify(uploaded))));
    } catch (error) {
      const { code, message, detail } =
        error instanceof AppError ? error : new AppError('failed', describeError(error), { cause: error });
      const refusal: UploadRefusal = { code, message, again: detail?.['again'] === true };
      if (!stream.destroyed) stream.end(encodeFrame(fileFrame.refused, Buffer.from(JSON.stringify(refusal))));
    } finally {
      this.streams.delete(stream);
      // What the uploader still sends, nobody reads.
      stream.resume();
    }
  };

  private async take(wanted: UploadArgs, stream: Duplex): Promise<Uploaded> {
    const { store } = this.incoming.components;
    const next = this.framesOf(stream);
    // One of the same size may be the same file; what is certain is said before anything is sent.
    const mayBeSame = (await store.stat(wanted.name))?.bytes === wanted.bytes;
    if (!mayBeSame) await this.incoming.assertMay(wanted);
    const first = await next();
    const count = chunkCount(wanted.bytes);
    if (first.type !== fileFrame.manifest || first.body.length !== count * hashBytes) {
      throw new AppError('invalid', 'an upload begins with the hashes of its chunks');
    }
    const hashes = Buffer.from(first.body);
    if (mayBeSame) {
      const same = await this.alive(stream, () => this.incoming.findSame(wanted, hashes));
      if (same) return same;
      await this.incoming.assertMay(wanted);
    }
    const upload = await this.alive(stream, () => this.open(wanted, hashes));
    try {
      stream.write(haveFrame(upload.done));
      this.tell(upload);
      while (upload.done.size < count) {
        const frame = await next();
        await storeChunk(upload, frame);
        stream.write(indexFrame(fileFrame.got, frame.body.readUInt32BE(0)));
        this.tell(upload);
      }
      return await this.alive(stream, () => this.incoming.finish(upload, upload.part, { expected: upload.hashes }));
    } catch (error) {
      // What has arrived is kept for the next try.
      await upload.part.close().catch(() => undefined);
      throw error;
    }
  }

  /** The part with what an upload of this very file has left. */
  private async open(wanted: UploadArgs, hashes: Buffer): Promise<Upload> {
    const { store } = this.incoming.components;
    const { name, bytes } = wanted;
    const journal = JSON.stringify({ put: 1, bytes, chunks: hashes.toString('base64') });
    const before = await store.readJournal(name).catch(() => null);
    if (before !== null && before !== journal) await (await store.openPart(name, { bytes: 0, journal })).discard();
    if (before !== journal) await this.incoming.assertRoom(name, bytes);
    const part = await store.openPart(name, { bytes, journal });
    const done = new Bits(chunkCount(bytes));
    try {
      if ((await part.allocatedBytes()) > 0) {
        const found = await part.hash({ chunkBytes: fileChunkBytes(bytes) });
        for (let index = 0; index < done.count; index += 1) {
          if (hashOf(found.chunks, index).equals(hashOf(hashes, index))) done.add(index);
        }
      }
      await this.incoming.assertRoom(name, bytes - Math.min(bytes, done.size * fileChunkBytes(bytes)));
    } catch (error) {
      await part.close();
      throw error;
    }
    return { ...wanted, hashes, part, done };
  }

  private tell({ name, bytes, done }: Upload): void {
    this.incoming.tell(name, 'fetching', { bytes, doneBytes: Math.min(bytes, done.size * fileChunkBytes(bytes)) });
  }

  /** The frames of a stream one by one. @throws AppError when it ends or is silent */
  private framesOf(stream: Duplex): () => Promise<Frame> {
    const frames = new FrameReader('taker');
    const reader = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    let waiting: Frame[] = [];
    return async () => {
      for (;;) {
        const [frame, ...rest] = waiting;
        waiting = rest;
        if (frame) return frame;
        const piece = await this.heard(stream, () => reader.next());
        if (piece.done === true) throw new AppError('cancelled', 'the upload ended early: what has arrived is kept');
        waiting = frames.push(piece.value);
      }
    };
  }

  /** While this node is at work the uploader hears that it is there. */
  private async alive<T>(stream: Duplex, work: () => Promise<T>): Promise<T> {
    const { clock } = this.incoming.components;
    let timer: Timer | null = null;
    const tick = () => {
      stream.write(encodeFrame(fileFrame.alive));
      timer = clock.after(aliveMs, tick);
    };
    tick();
    try {
      return await work();
    } finally {
      (timer as Timer | null)?.cancel();
    }
  }

  private async heard<T>(stream: Duplex, next: () => Promise<T>): Promise<T> {
    const timer = this.incoming.components.clock.after(silentMs, () => {
      stream.destroy(new AppError('timeout', 'the uploader says nothing: what has arrived is kept'));
    });
    try {
      return await next();
    } finally {
      timer.cancel();
    }
  }
}

/** @throws AppError `failed` for a chunk that is not what the hashes say */
async function storeChunk({ bytes, hashes, part, done }: Upload, { type, body }: Frame): Promise<void> {
  const index = type === fileFrame.chunk && body.length > 4 ? body.readUInt32BE(0) : done.count;
  const data = body.subarray(4);
  if (index >= done.count || data.length !== bytesOfChunk(bytes, index)) {
    throw new AppError('invalid', 'the upload sent something else than its chunks');
  }
  if (!(await sha256(data)).equals(hashOf(hashes, index))) {
    throw new AppError('failed', 'the file changed while it was read, or the network garbled it: upload it again');
  }
  await part.write(index * fileChunkBytes(bytes), data);
  done.add(index);
}
