// The file of one capture, written from its beginning to its end. It ends with what was written whole: a full disk takes back the part of the last
// piece that fitted. Room for others stays: a capture that would take the last of a disk ends before it does.
import { constants } from 'node:fs';
import { open, rm, statfs, type FileHandle } from 'node:fs/promises';
import { AppError, describeError } from '../../contract/errors.ts';
import { isCaptureFile } from '../../core/capture/pcap.ts';
import { resolveBelow } from '../below.ts';

/** Of a disk, this part stays free, and at most so much. */
const freePart = 0.05;
const mostFreeBytes = 256e6;
/** How often the disk is asked. */
const lookEveryBytes = 4e6;
const { O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;

export interface CaptureFile {
  readonly path: string;
  readonly bytes: number;
  /** @throws AppError `refused` when the disk has no more room: the file ends with the piece before */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Nothing was captured: it goes. */
  discard(): Promise<void>;
}

/** A name that a capture can have: new, or that of an earlier capture, which goes. @throws AppError */
export async function openCaptureFile(root: string, name: string): Promise<CaptureFile> {
  const path = await resolveBelow(root, name);
  await assertRoom(root);
  const file = await openEmpty(path, name);
  let bytes = 0;
  let lookAt = lookEveryBytes;
  return {
    path,
    get bytes() {
      return bytes;
    },
    async write(piece) {
      if (bytes + piece.length > lookAt) {
        await assertRoom(root);
        lookAt = bytes + piece.length + lookEveryBytes;
      }
      try {
        for (let at = 0; at < piece.length;) {
          const { bytesWritten } = await file.write(piece, at, piece.length - at, bytes + at);
          at += bytesWritten;
        }
        bytes += piece.length;
      } catch (cause) {
        await file.truncate(bytes).catch(() => undefined);
        const isFull =
          cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
        throw new AppError('refused', isFull ? 'the disk is full' : `writing failed: ${describeError(cause)}`, {
          cause,
        });
      }
    },
    close: () => file.close(),
    async discard() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

async function assertRoom(root: string): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(root);
  const reserve = Math.min(mostFreeBytes, freePart * blocks * bsize);
  const free = bavail * bsize;
  if (free > reserve) return;
  const left = `${Math.floor(free / 1e6)} MB are left`;
  throw new AppError('refused', `the disk is full: ${left}, which stay free for the node`);
}

async function openEmpty(path: string, name: string): Promise<FileHandle> {
  try {
    return await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'))
      throw new AppError('failed', `cannot write ${name}: ${describeError(cause)}`, { cause });
  }
  const taken = new AppError('conflict', `${name} is there and is not a capture: choose another name`);
  const file = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK).catch(() => Promise.reject(taken));
  try {
    const start = new Uint8Array(4);
    const isFile = (await file.stat()).isFile();
    if (!isFile) throw taken;
    const { bytesRead } = await file.read(start, 0, 4, 0);
    // A netflow begins with its version; text of one, with a year.
    const isOld = bytesRead === 0 || isCaptureFile(start) || (start[0] === 0 && start[1] === 5);
    if (!isOld) throw taken;
    await file.truncate(0);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
