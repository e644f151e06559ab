// What a file's stream carries (SPEC.md section C): frames of a type, a length and a body. Numbers are big-endian.
//
//   fetcher                                   holder
//     want 5 (index 4)               -->
//                                    <--  alive 0                                         it still hashes the file
//                                    <--  manifest 1 (size 8, modified 8, total 32, chunks 32 each)
//                                    <--  have 2 (complete 1, a bit for each chunk unless complete)
//                                    <--  got 3 (index 4)                                  it fetched one more itself
//                                    <--  chunk 4 (index 4, data)
//                                    <--  lacks 6 (index 4)
import { maxFileBytes, maxFileChunkBytes } from '../../contract/limits.ts';
import { uploadFrame } from '../../contract/uploads.ts';
import { chunkCount } from '../../core/files/chunks.ts';
import { AppError } from '../../contract/errors.ts';
import type { FileHashes } from '../../host/images/image-store.ts';

/** With those of uploads (put.ts). */
export const fileFrame = { ...uploadFrame, want: 5, lacks: 6 } as const;

/** Service of mesh streams that carries them. */
export const fileService = 'file';

const headBytes = 5;
export const hashBytes = 32;
const manifestHeadBytes = 16 + hashBytes;
/** A manifest of the largest file is the largest frame. */
const maxBodyBytes = manifestHeadBytes + hashBytes * chunkCount(maxFileBytes);

export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

/** Which file a fetch is about: nodes that have these bytes have the same file. */
export interface Manifest {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly hashes: FileHashes;
}

export function encodeFrame(type: number, ...body: readonly Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = type;
  head.writeUInt32BE(
    body.reduce((sum, { length }) => sum + length, 0),
    1,
  );
  return Buffer.concat([head, ...body]);
}

export function indexFrame(type: number, index: number, data?: Buffer): Buffer {
  const place = Buffer.allocUnsafe(4);
  place.writeUInt32BE(index);
  return data ? encodeFrame(type, place, data) : encodeFrame(type, place);
}

export function manifestFrame({ bytes, modifiedMs, hashes }: Manifest): Buffer {
  const head = Buffer.allocUnsafe(16);
  head.writeBigUInt64BE(BigInt(bytes), 0);
  head.writeBigUInt64BE(BigInt(Math.max(0, Math.round(modifiedMs))), 8);
  return encodeFrame(fileFrame.manifest, head, Buffer.from(hashes.total, 'hex'), hashes.chunks);
}

export function haveFrame(have: Bits | 'all'): Buffer {
  return have === 'all'
    ? encodeFrame(fileFrame.have, Buffer.from([1]))
    : encodeFrame(fileFrame.have, Buffer.from([0]), have.bytes);
}

const malformed = (what: string) => new AppError('failed', `it sent ${what} that is malformed`);

/** @throws AppError */
export function readManifest(body: Buffer): Manifest {
  if (body.length < manifestHeadBytes) throw malformed('a manifest');
  const bytes = Number(body.readBigUInt64BE(0));
  const modifiedMs = Number(body.readBigUInt64BE(8));
  const isWhole = bytes <= maxFileBytes && body.length === manifestHeadBytes + hashBytes * chunkCount(bytes);
  if (!isWhole || modifiedMs > 8.64e15) throw malformed('a manifest');
  const total = body.toString('hex', 16, manifestHeadBytes);
  return { bytes, modifiedMs, hashes: { total, chunks: Buffer.from(body.subarray(manifestHeadBytes)) } };
}

/** @throws AppError */
export function readHave(body: Buffer, count: number): Bits | 'all' {
  if (body[0] === 1 && body.length === 1) return 'all';
  if (body[0] !== 0 || body.length !== 1 + Math.ceil(count / 8)) throw malformed('a list of its chunks');
  return new Bits(count, Buffer.from(body.subarray(1)));
}

/** @throws AppError */
export function readIndex({ body, type }: Frame, count: number): number {
  const index = body.length === 4 || (type === fileFrame.chunk && body.length > 4) ? body.readUInt32BE(0) : count;
  if (index >= count) throw malformed('the number of a chunk');
  return index;
}

/** Takes the pieces of a stream apart into frames; holds one frame at most that is not complete. */
export class FrameReader {
  private pieces: Buffer[] = [];
  private waiting = 0;
  private wanted = headBytes;
  /** Of the frame whose body is awaited. */
  private type: number | null = null;
  private readonly maxBody: number;

  /** `taker`: of uploads. */
  constructor(side: 'fetcher' | 'holder' | 'taker') {
    this.maxBody = side === 'holder' ? 4 : maxBodyBytes;
  }

  /** @throws AppError */
  push(piece: Buffer): Frame[] {
    const frames: Frame[] = [];
    this.pieces.push(piece);
    this.waiting += piece.length;
    while (this.waiting >= this.wanted) {
      const taken = this.take(this.wanted);
      if (this.type === null) {
        const type = taken[0] ?? 0;
        const length = taken.readUInt32BE(1);
        const most = type === fileFrame.chunk ? 4 + maxFileChunkBytes : this.maxBody;
        if (length > Math.min(most, this.maxBody)) throw malformed('a frame');
        this.type = type;
        this.wanted = length;
      } else {
        frames.push({ type: this.type, body: taken });
        this.type = null;
        this.wanted = headBytes;
      }
    }
    return frames;
  }

  private take(bytes: number): Buffer {
    if (bytes === 0) return Buffer.alloc(0);
    const all = this.pieces.length === 1 && this.pieces[0] ? this.pieces[0] : Buffer.concat(this.pieces);
    this.waiting -= bytes;
    this.pieces = this.waiting === 0 ? [] : [all.subarray(bytes)];
    return all.subarray(0, bytes);
  }
}

/** One bit for each chunk. */
export class Bits {
  readonly count: number;
  readonly bytes: Buffer;
  private setCount = 0;

  constructor(count: number, bytes: Buffer = Buffer.alloc(Math.ceil(count / 8))) {
    this.count = count;
    this.bytes = bytes;
    for (let index = 0; index < count; index += 1) if (this.has(index)) this.setCount += 1;
  }

  /** How many are set. */
  get size(): number {
    return this.setCount;
  }

  has(index: number): boolean {
    return ((this.bytes[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  add(index: number): void {
    if (this.has(index)) return;
    this.bytes[index >> 3] = (this.bytes[index >> 3] ?? 0) | (1 << (index & 7));
    this.setCount += 1;
  }

  delete(index: number): void {
    if (!this.has(index)) return;
    this.bytes[index >> 3] = (this.bytes[index >> 3] ?? 0) & ~(1 << (index & 7));
    this.setCount -= 1;
  }
}

/** The hash of a chunk in a list of them. */
export function hashOf(hashes: Buffer, index: number): Buffer {
  return hashes.subarray(index * hashBytes, (index + 1) * hashBytes);
}

/** Not on this thread. */
export async function sha256(data: Buffer): Promise<Buffer> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>));
}
