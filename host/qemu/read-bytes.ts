// Reads a stream by the number of bytes that come next.
import type { Readable } from 'node:stream';

export interface ByteReader {
  /** Exactly so many bytes. @throws Error when the stream ends before */
  read(bytes: number): Promise<Buffer>;
}

export function readBytes(stream: Readable): ByteReader {
  let kept: Buffer = Buffer.alloc(0);
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  return {
    async read(bytes) {
      const parts = [kept];
      let length = kept.length;
      while (length < bytes) {
        const { done, value } = await chunks.next();
        if (done === true) throw new Error(`the stream ended ${bytes - length} bytes early`);
        parts.push(value);
        length += value.length;
      }
      const all = parts.length === 1 ? kept : Buffer.concat(parts);
      kept = all.subarray(bytes);
      return all.subarray(0, bytes);
    },
  };
}
