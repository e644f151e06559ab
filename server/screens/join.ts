// A WebSocket and a stream of a node as one pipe, with back-pressure both ways: a page that does not read holds back the node, and
// a node that does not take holds back the page. Nothing is kept here beyond the bounds.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { maxStreamUnsentBytes } from '../../contract/console-limits.ts';
import { describeError } from '../../contract/errors.ts';
import { streamClose } from '../../contract/streams.ts';

/** How long the node may take to end its direction once the page ended the WebSocket. */
const farewellMs = 10_000;
/** A text message of a page: a few words of JSON. */
const maxTextBytes = 200;
/** RFC 6455, 5.5: what a close may carry, beside its code. */
const maxReasonBytes = 123;

export interface JoinOptions {
  /** What passes of a page's bytes; all of them unless given. @throws AppError: nothing more may pass, and both end */
  readonly filter?: (data: Buffer) => Uint8Array;
  /** Takes text messages of the page; false: it does not know this one. Without it, text ends both. */
  readonly onText?: (text: string) => boolean;
}

/** Joins them until one ends, which ends both: what the first one sent still arrives. */
export function joinStream(socket: WebSocket, stream: Duplex, { filter, onText }: JoinOptions = {}): void {
  const fail = (code: number, reason: string) => {
    closeWith(socket, code, reason);
    stream.destroy();
  };
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (stream.destroyed) return;
    if (!isBinary) {
      const isKnown = data.length <= maxTextBytes && onText?.(data.toString()) === true;
      if (!isKnown) fail(streamClose.binaryOnly, 'send binary messages');
      return;
    }
    try {
      const passed = filter ? filter(data) : data;
      if (passed.length > 0 && !stream.write(passed)) socket.pause();
    } catch (error) {
      fail(streamClose.failed, describeError(error));
    }
  });
  stream.on('drain', () => socket.resume());
  stream.on('data', (chunk: Buffer) => {
    socket.send(chunk, { binary: true }, () => {
      if (stream.isPaused() && socket.bufferedAmount < maxStreamUnsentBytes) stream.resume();
    });
    if (socket.bufferedAmount >= maxStreamUnsentBytes) stream.pause();
  });
  stream.on('end', () => closeWith(socket, streamClose.ended, ''));
  stream.on('error', (error) => closeWith(socket, streamClose.failed, describeError(error)));
  socket.on('close', (code: number) => {
    // Without a close frame the page is gone, and what it sent may lack its end.
    if (code === 1006) {
      stream.destroy();
      return;
    }
    stream.end();
    // The node learns of the end behind all data; what it still sends, nobody reads.
    stream.removeAllListeners('data');
    stream.resume();
    const timer = setTimeout(() => stream.destroy(), farewellMs);
    timer.unref();
    stream.once('close', () => clearTimeout(timer));
  });
}

/** Closes a WebSocket with words that may be too long for it. */
export function closeWith(socket: WebSocket, code: number, reason: string): void {
  let text = reason.slice(0, maxReasonBytes);
  while (Buffer.byteLength(text) > maxReasonBytes) text = text.slice(0, -1);
  socket.close(code, text);
  // A paused socket would not read the close of the other side.
  socket.resume();
}
