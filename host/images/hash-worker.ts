// Hashes an open file on a thread beside the main one. meshd is one bundled file, so the thread's program is a text here and not a module
// beside this one.
import { Worker } from 'node:worker_threads';
import { AppError } from '../../contract/errors.ts';
import type { FileHashes, HashOptions } from './image-store.ts';

const program = `
const { parentPort, workerData } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const { readSync } = require('node:fs');
const { fd, bytes, chunkBytes } = workerData;
const total = createHash('sha256');
const chunks = new Uint8Array(Math.ceil(bytes / chunkBytes) * 32);
const buffer = Buffer.allocUnsafe(chunkBytes);
let told = 0;
for (let at = 0, index = 0; at < bytes; index += 1) {
  const wanted = Math.min(chunkBytes, bytes - at);
  for (let got = 0; got < wanted;) {
    const read = readSync(fd, buffer, got, wanted - got, at + got);
    if (read === 0) throw new Error('the file became shorter while it was read');
    got += read;
  }
  const chunk = buffer.subarray(0, wanted);
  total.update(chunk);
  chunks.set(createHash('sha256').update(chunk).digest(), index * 32);
  at += wanted;
  if (at - told >= 64 * 1024 * 1024) parentPort.postMessage({ read: told = at });
}
parentPort.postMessage({ total: total.digest('hex'), chunks }, [chunks.buffer]);
`;

/** @throws AppError `cancelled`, `failed` */
export function hashOpenFile(
  fd: number,
  { bytes, chunkBytes, signal, onProgress }: HashOptions & { readonly bytes: number },
): Promise<FileHashes> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(new AppError('cancelled', 'cancelled'));
      return;
    }
    const worker = new Worker(program, { eval: true, workerData: { fd, bytes, chunkBytes } });
    const onAbort = () => {
      end(() => reject(new AppError('cancelled', 'cancelled')));
    };
    // The caller closes the file when this settles, so the thread has ended by then.
    const end = (settle: () => void) => {
      signal?.removeEventListener('abort', onAbort);
      void worker.terminate().then(settle, settle);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.on('message', (message: { read: number } | { total: string; chunks: Uint8Array }) => {
      if ('read' in message) onProgress?.(message.read);
      else end(() => resolve({ total: message.total, chunks: Buffer.from(message.chunks.buffer) }));
    });
    worker.on('error', (cause) => {
      end(() => reject(new AppError('failed', `cannot hash the file: ${String(cause)}`, { cause })));
    });
  });
}
