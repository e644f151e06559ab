// Uploads a file of this browser to a node: hashes its chunks, asks what is there already, sends the rest, and hears the hash of the whole. A connection
// that breaks is made again, and the upload continues where it was; so does one of the same file on another day.
import { AppError } from '../contract/errors.ts';
import { streamClose } from '../contract/streams.ts';
import {
  uploadFrame,
  uploadHashBytes,
  type UploadArgs,
  type Uploaded,
  type UploadRefusal,
} from '../contract/uploads.ts';
import { bytesOfChunk, chunkCount, fileChunkBytes } from '../core/files/chunks.ts';
import { encodeUploadFrame, UploadFrames } from './upload-frames.ts';

export interface UploadProgress {
  /** `hashing` reads the file, `sending` sends it, `checking` is the node's last look; `waiting` for the connection. */
  readonly state: 'hashing' | 'connecting' | 'sending' | 'checking' | 'waiting';
  /** Bytes that are hashed, or at the node. */
  readonly doneBytes: number;
  /** Why the connection broke; empty otherwise. */
  readonly reason: string;
}

/** What an upload needs of a WebSocket. */
export interface UploadSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface UploadComponents {
  readonly open: (args: UploadArgs) => UploadSocket;
  readonly digest: (data: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A file, as far as it is read here. */
export interface UploadFile {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Chunks on their way that the node has not confirmed. */
const ahead = 8;
/** A message on a stream of the console (contract/console-limits.ts). */
const messageBytes = 128 * 1024;
/** Tries in a row that bring nothing, and the wait between two, which doubles. */
const maxTries = 8;
const firstWaitMs = 500;
const maxWaitMs = 15_000;

/** @throws AppError: what the node says is wrong, `cancelled`, or `unreachable` when no connection lasts */
export async function uploadFile(
  file: UploadFile,
  args: Omit<UploadArgs, 'bytes'>,
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: UploadProgress) => void },
  components: UploadComponents,
): Promise<Uploaded> {
  if (file.size === 0) throw new AppError('invalid', 'the file is empty');
  const hashes = await hashChunks(file, options, components);
  const wanted = { ...args, bytes: file.size };
  let tries = 0;
  for (;;) {
    const outcome = await sendOnce(file, { wanted, hashes }, options, components);
    if (outcome.is === 'done') return outcome.uploaded;
    tries = outcome.moved ? 1 : tries + 1;
    if (tries > maxTries) throw new AppError('unreachable', `the upload does not get through: ${outcome.reason}`);
    options.onProgress({ state: 'waiting', doneBytes: outcome.doneBytes, reason: outcome.reason });
    await components.pause(Math.min(maxWaitMs, firstWaitMs * 2 ** (tries - 1)), options.signal);
  }
}

type Options = Parameters<typeof uploadFile>[2];

async function hashChunks(file: UploadFile, { signal, onProgress }: Options, { digest }: UploadComponents) {
  const { size } = file;
  const hashes = new Uint8Array(chunkCount(size) * uploadHashBytes);
  for (let index = 0; index < chunkCount(size); index += 1) {
    throwIfCancelled(signal);
    const data = await readChunk(file, index);
    hashes.set(new Uint8Array(await digest(data)), index * uploadHashBytes);
    onProgress({ state: 'hashing', doneBytes: Math.min(size, (index + 1) * fileChunkBytes(size)), reason: '' });
  }
  return hashes;
}

async function readChunk(file: UploadFile, index: number): Promise<Uint8Array<ArrayBuffer>> {
  const start = index * fileChunkBytes(file.size);
  const end = start + bytesOfChunk(file.size, index);
  try {
    return new Uint8Array(await file.slice(start, end).arrayBuffer());
  } catch (cause) {
    throw new AppError('failed', 'the file cannot be read: it may have changed since it was chosen', { cause });
  }
}

type Outcome =
  | { readonly is: 'done'; readonly uploaded: Uploaded }
  /** `moved`: something arrived at the node meanwhile. */
  | { readonly is: 'broken'; readonly moved: boolean; readonly doneBytes: number; readonly reason: string };

/** Over one connection, until it is done, refused, or broken. @throws AppError as `uploadFile` */
function sendOnce(
  file: UploadFile,
  { wanted, hashes }: { readonly wanted: UploadArgs; readonly hashes: Uint8Array },
  { signal, onProgress }: Options,
  { open }: UploadComponents,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const socket = open(wanted);
    const frames = new UploadFrames();
    const count = chunkCount(wanted.bytes);
    let left: number[] = [];
    let onWay = 0;
    let done = 0;
    let moved = false;
    let isOver = false;
    const end = (settle: () => void) => {
      if (isOver) return;
      isOver = true;
      signal.removeEventListener('abort', onAbort);
      socket.close();
      settle();
    };
    const fail = (error: unknown) => {
      end(() => {
        reject(error instanceof Error ? error : new AppError('failed', String(error)));
      });
    };
    const onAbort = () => {
      fail(new AppError('cancelled', 'cancelled: what has arrived is kept'));
    };
    const breakOff = (reason: string) => {
      end(() => {
        resolve({ is: 'broken', moved, doneBytes: doneBytes(), reason });
      });
    };
    const doneBytes = () => Math.min(wanted.bytes, done * fileChunkBytes(wanted.bytes));
    const send = (frame: Uint8Array<ArrayBuffer>) => {
      for (let at = 0; at < frame.length; at += messageBytes) socket.send(frame.subarray(at, at + messageBytes));
    };
    const sendUnlessOver = (frame: Uint8Array<ArrayBuffer>) => {
      if (!isOver) send(frame);
    };
    /** Keeps a few chunks on their way. */
    const pump = async () => {
      while (!isOver && onWay < ahead) {
        const index = left.shift();
        if (index === undefined) return;
        onWay += 1;
        const data = await readChunk(file, index);
        const place = new Uint8Array(4);
        new DataView(place.buffer).setUint32(0, index);
        sendUnlessOver(encodeUploadFrame(uploadFrame.chunk, place, data));
      }
    };
    const onFrame = (type: number, body: Uint8Array) => {
      if (type === uploadFrame.have) {
        const has = (index: number) => ((body[1 + (index >> 3)] ?? 0) & (1 << (index & 7))) !== 0;
        left = Array.from({ length: count }, (_, index) => index).filter((index) => !has(index));
        done = count - left.length;
        onProgress({ state: left.length === 0 ? 'checking' : 'sending', doneBytes: doneBytes(), reason: '' });
      } else if (type === uploadFrame.got) {
        onWay -= 1;
        done += 1;
        moved = true;
        onProgress({ state: done === count ? 'checking' : 'sending', doneBytes: doneBytes(), reason: '' });
      } else if (type === uploadFrame.done) {
        const uploaded = JSON.parse(new TextDecoder().decode(body)) as Uploaded;
        end(() => {
          resolve({ is: 'done', uploaded });
        });
      } else if (type === uploadFrame.refused) {
        const { code, message, again } = JSON.parse(new TextDecoder().decode(body)) as UploadRefusal;
        if (!again) fail(new AppError(code, message));
        else breakOff(message);
      }
      pump().catch(fail);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    onProgress({ state: 'connecting', doneBytes: 0, reason: '' });
    socket.onopen = () => {
      send(encodeUploadFrame(uploadFrame.manifest, hashes));
    };
    socket.onmessage = ({ data }) => {
      if (!(data instanceof ArrayBuffer)) return;
      for (const { type, body } of frames.push(new Uint8Array(data))) if (!isOver) onFrame(type, body);
    };
    socket.onclose = ({ code, reason }) => {
      if (code === streamClose.sessionEnded) fail(new AppError('refused', reason));
      breakOff(reason || 'the connection broke');
    };
  });
}

function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new AppError('cancelled', 'cancelled');
}
