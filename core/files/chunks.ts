// How a file is cut into chunks, which travel and are hashed one by one: by its size alone, so that all nodes do the same.
import { maxFileChunkBytes, minFileChunkBytes, usualFileChunks } from '../../contract/limits.ts';

/** A power of two: small files have small chunks, so that several nodes can share them. */
export function fileChunkBytes(bytes: number): number {
  let chunk = minFileChunkBytes;
  while (chunk < maxFileChunkBytes && chunk * usualFileChunks < bytes) chunk *= 2;
  return chunk;
}

export const chunkCount = (bytes: number): number => Math.ceil(bytes / fileChunkBytes(bytes));

/** Bytes of the chunk with this index: the last one is shorter. */
export function bytesOfChunk(bytes: number, index: number): number {
  const chunk = fileChunkBytes(bytes);
  return Math.max(0, Math.min(chunk, bytes - index * chunk));
}
