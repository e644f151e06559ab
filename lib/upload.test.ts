// Uploads over sockets that a test holds: what is sent, and what happens when a connection breaks or the node refuses.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { AppError } from '../contract/errors.ts';
import { streamClose } from '../contract/streams.ts';
import { uploadFrame, type UploadArgs } from '../contract/uploads.ts';
import { chunkCount, fileChunkBytes } from '../core/files/chunks.ts';
import { uploadFile, type UploadProgress, type UploadSocket } from './upload.ts';
import { encodeUploadFrame, UploadFrames } from './upload-frames.ts';

const digest = (data: Uint8Array) => Promise.resolve(new Uint8Array(createHash('sha256').update(data).digest()).buffer);
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A node: keeps chunks between connections, and breaks the connection after so many of them. */
class Node {
  readonly chunks = new Map<number, Uint8Array>();
  readonly opened: UploadArgs[] = [];
  /** Chunks that each connection takes before it breaks; Infinity for all. */
  breaks: number[] = [];
  refuses: { code: string; message: string; again: boolean }[] = [];
  largest = 0;

  readonly open = (args: UploadArgs): UploadSocket => {
    this.opened.push(args);
    const frames = new UploadFrames();
    let room = this.breaks.shift() ?? Infinity;
    const refusal = this.refuses.shift();
    const say = (frame: Uint8Array<ArrayBuffer>) => {
      // In pieces, as a network has them.
      for (let at = 0; at < frame.length; at += 7) socket.onmessage?.({ data: frame.slice(at, at + 7).buffer });
    };
    const socket: UploadSocket = {
      onopen: null,
      onmessage: null,
      onclose: null,
      close: () => undefined,
      send: (data) => {
        this.largest = Math.max(this.largest, data.length);
        for (const { type, body } of frames.push(data)) {
          if (refusal) say(encodeUploadFrame(uploadFrame.refused, json(refusal)));
          else if (type === uploadFrame.manifest) say(this.have(args.bytes));
          else if (room === 0) socket.onclose?.({ code: 1006, reason: '' });
          else {
            room -= 1;
            this.chunks.set(new DataView(body.buffer).getUint32(0), body.slice(4));
            say(encodeUploadFrame(uploadFrame.got, body.slice(0, 4)));
          }
          if (!refusal && this.chunks.size === chunkCount(args.bytes)) {
            say(encodeUploadFrame(uploadFrame.alive));
            say(encodeUploadFrame(uploadFrame.done, json({ name: args.name, hash: this.hash() })));
          }
        }
      },
    };
    setTimeout(() => socket.onopen?.());
    return socket;
  };

  hash(): string {
    const sorted = [...this.chunks].sort(([a], [b]) => a - b);
    return createHash('sha256')
      .update(Buffer.concat(sorted.map(([, data]) => data)))
      .digest('hex');
  }

  private have(bytes: number): Uint8Array<ArrayBuffer> {
    const bits = new Uint8Array(1 + Math.ceil(chunkCount(bytes) / 8));
    for (const index of this.chunks.keys()) bits[1 + (index >> 3)] = (bits[1 + (index >> 3)] ?? 0) | (1 << (index & 7));
    return encodeUploadFrame(uploadFrame.have, bits);
  }
}

const data = new Uint8Array(1_500_000).map((_, at) => (at * 7) % 251);
const args = { name: 'web.raw', mayReplace: false, use: null };
const setUp = () => {
  const node = new Node();
  const told: UploadProgress[] = [];
  const waits: number[] = [];
  const abort = new AbortController();
  const pause = (ms: number) => {
    waits.push(ms);
    return Promise.resolve();
  };
  const upload = () =>
    uploadFile(
      new Blob([data]),
      args,
      { signal: abort.signal, onProgress: (progress) => told.push(progress) },
      { open: node.open, digest, pause },
    );
  return { node, told, waits, abort, upload };
};

test('all chunks arrive, in messages that the console takes, and the hash of the whole comes back', async () => {
  const { node, told, upload } = setUp();
  expect(await upload()).toEqual({ name: 'web.raw', hash: createHash('sha256').update(data).digest('hex') });
  expect(node.opened).toEqual([{ ...args, bytes: data.length }]);
  expect(node.largest).toBeLessThanOrEqual(128 * 1024);
  expect([...new Set(told.map(({ state }) => state))]).toEqual(['hashing', 'connecting', 'sending', 'checking']);
  const sent = told.filter(({ state }) => state === 'sending').map(({ doneBytes }) => doneBytes);
  expect(sent).toEqual([...sent].sort((a, b) => a - b));
});

test('a connection that breaks is made again, and only what is missing is sent', async () => {
  const { node, told, waits, upload } = setUp();
  node.breaks = [5, 0, 3];
  expect(await upload()).toMatchObject({ hash: createHash('sha256').update(data).digest('hex') });
  expect(node.opened).toHaveLength(4);
  // One that brought nothing waits longer.
  expect(waits).toEqual([500, 1_000, 500]);
  expect(told.filter(({ state }) => state === 'waiting').map(({ doneBytes }) => doneBytes)).toEqual([
    5 * fileChunkBytes(data.length),
    5 * fileChunkBytes(data.length),
    8 * fileChunkBytes(data.length),
  ]);
});

test('what the node refuses is the error, unless it may be over in a moment', async () => {
  const { node, upload } = setUp();
  node.refuses = [{ code: 'conflict', message: 'it is on its way already', again: true }];
  await upload();
  expect(node.opened).toHaveLength(2);
  node.refuses = [{ code: 'conflict', message: 'web.raw is on node1 already', again: false }];
  await expect(upload()).rejects.toMatchObject({ code: 'conflict', message: 'web.raw is on node1 already' });
});

test('it gives up when no connection brings anything', async () => {
  const { node, waits, upload } = setUp();
  node.breaks = Array.from({ length: 20 }, () => 0);
  await expect(upload()).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringMatching(/does not get through/) as string,
  });
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
});

test('a cancel ends it, and so does the end of the session', async () => {
  const { node, abort, upload } = setUp();
  node.breaks = [2];
  const ended = expect(upload()).rejects.toMatchObject({ code: 'cancelled' });
  abort.abort();
  await ended;
  const socket: UploadSocket = {
    ...{ onopen: null, onmessage: null, onclose: null },
    send: () => undefined,
    close: () => undefined,
  };
  const closed = uploadFile(
    new Blob([data]),
    args,
    { signal: new AbortController().signal, onProgress: () => undefined },
    {
      open: () => {
        setTimeout(() =>
          socket.onclose?.({ code: streamClose.sessionEnded, reason: 'Your session ended: log in again.' }),
        );
        return socket;
      },
      digest,
      pause: () => Promise.resolve(),
    },
  );
  await expect(closed).rejects.toMatchObject({ code: 'refused', message: 'Your session ended: log in again.' });
});

test('a file that is empty, or that can no longer be read, is an error', async () => {
  const options = { signal: new AbortController().signal, onProgress: () => undefined };
  const parts = { open: new Node().open, digest, pause: () => Promise.resolve() };
  await expect(uploadFile(new Blob([]), args, options, parts)).rejects.toMatchObject({ code: 'invalid' });
  const gone = { size: 5, slice: () => ({ arrayBuffer: () => Promise.reject(new AppError('failed', 'NotReadable')) }) };
  await expect(uploadFile(gone, args, options, parts)).rejects.toMatchObject({
    message: expect.stringMatching(/cannot be read/) as string,
  });
});
