import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxFileBytes, maxFileChunkBytes, minFileChunkBytes } from '../../contract/limits.ts';
import { bytesOfChunk, chunkCount, fileChunkBytes } from '../../core/files/chunks.ts';
import {
  Bits,
  encodeFrame,
  fileFrame,
  FrameReader,
  haveFrame,
  indexFrame,
  manifestFrame,
  readHave,
  readManifest,
} from './wire.ts';

/** The body of a frame that was encoded. */
const bodyOf = (frame: Buffer) => new FrameReader('fetcher').push(frame)[0]!.body;

describe('C2 chunks', () => {
  test.each([
    [0, 64 * 1024, 0],
    [1, 64 * 1024, 1],
    [64 * 1024 * 1024, 64 * 1024, 1_024],
    [64 * 1024 * 1024 + 1, 128 * 1024, 513],
    [2 ** 30, maxFileChunkBytes, 1_024],
    [maxFileBytes, maxFileChunkBytes, 2 ** 20],
  ])('a file of %i bytes has chunks of %i, %i of them', (bytes, chunk, count) => {
    expect([fileChunkBytes(bytes), chunkCount(bytes)]).toEqual([chunk, count]);
  });

  test('the chunks of a file are all of it', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 28), (bytes) => {
        expect(fileChunkBytes(bytes)).toBeGreaterThanOrEqual(minFileChunkBytes);
        const count = chunkCount(bytes);
        const last = bytesOfChunk(bytes, count - 1);
        expect(count === 0 ? 0 : (count - 1) * fileChunkBytes(bytes) + last).toBe(bytes);
        expect(bytesOfChunk(bytes, count)).toBe(0);
      }),
    );
  });
});

describe('C4 frames', () => {
  test('arrive as they were sent, however the stream cuts them', () => {
    const frame = fc.oneof(
      fc.nat(1_000).map((index) => indexFrame(fileFrame.got, index)),
      fc
        .tuple(fc.nat(1_000), fc.uint8Array({ maxLength: 300 }))
        .map(([index, data]) => indexFrame(fileFrame.chunk, index, Buffer.from(data))),
      fc.constant(encodeFrame(fileFrame.alive)),
    );
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (sent, cuts) => {
          const all = Buffer.concat(sent);
          const reader = new FrameReader('fetcher');
          const got: Buffer[] = [];
          for (let at = 0, turn = 0; at < all.length; turn += 1) {
            const cut = cuts[turn % cuts.length] ?? 1;
            for (const { type, body } of reader.push(all.subarray(at, at + cut))) got.push(encodeFrame(type, body));
            at += cut;
          }
          expect(Buffer.concat(got).equals(all)).toBe(true);
          expect(got).toHaveLength(sent.length);
        },
      ),
    );
  });

  test('that are too long for their side end it at once', () => {
    expect(() => new FrameReader('holder').push(Buffer.from([fileFrame.want, 0, 0, 0, 5]))).toThrow('malformed');
    expect(() => new FrameReader('fetcher').push(Buffer.from([fileFrame.chunk, 0, 0x10, 0, 5]))).toThrow('malformed');
    expect(() => new FrameReader('fetcher').push(Buffer.from([fileFrame.manifest, 0xff, 0, 0, 0]))).toThrow(
      'malformed',
    );
  });

  test('a manifest arrives as it was sent, and none that is not whole', () => {
    const chunks = createHash('sha256').update('x').digest();
    const manifest = { bytes: 5, modifiedMs: 1_700_000_000_123, hashes: { total: 'ab'.repeat(32), chunks } };
    const body = bodyOf(manifestFrame(manifest));
    expect(readManifest(body)).toEqual(manifest);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        try {
          const read = readManifest(Buffer.from(bytes));
          expect(read.hashes.chunks).toHaveLength(32 * chunkCount(read.bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: 'failed' });
        }
      }),
    );
  });

  test('what a node has arrives as it was sent', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), (count, indexes) => {
        const bits = new Bits(count);
        for (const index of indexes) if (index < count) bits.add(index);
        const read = readHave(bodyOf(haveFrame(bits)), count);
        if (read === 'all') throw new Error('it was not all');
        expect(read.size).toBe(new Set(indexes.filter((index) => index < count)).size);
        for (let index = 0; index < count; index += 1) expect(read.has(index)).toBe(indexes.includes(index));
      }),
    );
    expect(readHave(bodyOf(haveFrame('all')), 7)).toBe('all');
    expect(() => readHave(Buffer.from([0, 1, 2]), 7)).toThrow('malformed');
    expect(() => readHave(Buffer.alloc(0), 7)).toThrow('malformed');
  });
});
