// DiskTool over files in memory: disks have headers as qemu-img writes them, and no contents.
import { AppError } from '../../contract/errors.ts';
import type { DiskTool } from './disk-tool.ts';
import { describeImage, headBytesFor, type ImageFacts } from './headers.ts';
import { qcow2 } from './made-images.ts';

/** Bytes of a file, by absolute path. */
export interface MemoryDisks {
  read(path: string): Buffer;
  write(path: string, data: Buffer): void;
}

/** Of a raw disk: all of it would be in memory. */
const mostBytes = 64 * 1024 * 1024;

export function createMemoryDiskTool(disks: MemoryDisks): DiskTool {
  const factsOf = (path: string): ImageFacts => {
    const data = disks.read(path);
    return describeImage(data.subarray(0, headBytesFor(data)), data.length);
  };
  const act = async (signal: AbortSignal | undefined, does: () => void): Promise<void> => {
    // As a program does: it takes a turn of the event loop, and ends by a signal.
    await Promise.resolve();
    if (signal?.aborted) throw new AppError('cancelled', 'qemu-img: cancelled');
    does();
  };
  return {
    create: (path, { format, bytes, backing }, { signal } = {}) =>
      act(signal, () => {
        const raw = () => Buffer.alloc(Math.min(bytes, mostBytes));
        disks.write(path, format === 'raw' ? raw() : qcow2({ virtualBytes: bytes, ...(backing ? { backing } : {}) }));
      }),
    rebase: (path, backing, { signal }) =>
      act(signal, () => {
        const { virtualBytes } = factsOf(path);
        disks.write(path, qcow2({ virtualBytes, ...(backing ? { backing } : {}) }));
      }),
    commit: (path, { signal } = {}) =>
      act(signal, () => {
        if (!factsOf(path).backing) throw new AppError('failed', 'qemu-img commit: Image does not have a backing file');
      }),
    resize: (path, { format, bytes }, { signal } = {}) =>
      act(signal, () => {
        const { backing } = factsOf(path);
        const named = backing && { file: backing.file, ...(backing.format === null ? {} : { format: backing.format }) };
        if (format === 'raw') disks.write(path, Buffer.concat([disks.read(path)], Math.min(bytes, mostBytes)));
        else disks.write(path, qcow2({ virtualBytes: bytes, ...(named ? { backing: named } : {}) }));
      }),
  };
}
