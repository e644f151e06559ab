// Server-sent events on one response: the live side of the console for programs that speak plain HTTP.
//
// INVARIANTS
// - A client that does not read costs a bounded amount of memory: it misses fleet deltas first, sees the gap, and is cut off after that.
// - The stream ends with the session or token it was opened with, and says why.
import type { ServerResponse } from 'node:http';
import type { BrowserEvents, MethodName } from '../../contract/browser.ts';
import { maxSocketQueueBytes, maxUnreadBytes } from '../../contract/console-limits.ts';
import type { Credential } from '../auth/auth.ts';
import type { Connection } from '../hub/dispatcher.ts';
import type { Lane } from '../hub/lanes.ts';

/** Proxies end what is still for 30 s or more. */
const aliveMs = 20_000;

export interface EventStream extends Connection {
  /** The answer to one of its calls, under the name of its method. */
  answer(method: MethodName, data: unknown): void;
  /** Writes the head, and what was pushed before. */
  open(): void;
  close(): void;
}

export interface EventStreamComponents {
  readonly response: ServerResponse;
  /** Calls the listener with each delta of the fleet, until it is ended. */
  readonly onDelta: (listener: (delta: BrowserEvents['fleet.delta']) => void) => () => void;
  /** Whether the credential still holds: asked from time to time. */
  readonly isValid: () => Promise<boolean>;
}

export function createEventStream(
  { id, credential }: { id: string; credential: Credential },
  { response, onDelta, isValid }: EventStreamComponents,
): EventStream {
  const abort = new AbortController();
  const follows = new Map<string, () => void>();
  const lanes = new Map<MethodName, Lane>();
  let leaveFleet: (() => void) | null = null;
  /** Null once the head is written. */
  let early: string[] | null = [];
  let isOver = false;

  const write = (text: string) => {
    if (abort.signal.aborted) return;
    if (early) early.push(text);
    else if (response.writableLength > maxSocketQueueBytes) response.destroy();
    else response.write(text);
  };
  const push = (event: string, data: unknown) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const stream: EventStream = {
    id,
    credential,
    signal: abort.signal,
    follows,
    callsInFlight: 0,
    lanes,
    room: () => Promise.resolve(),
    emit: push,
    joinFleet() {
      leaveFleet ??= onDelta((delta) => {
        if (response.writableLength <= maxUnreadBytes) push('fleet.delta', delta);
      });
    },
    leaveFleet() {
      leaveFleet?.();
      leaveFleet = null;
    },
    end(reason) {
      push('session.ended', { reason });
      isOver = true;
      if (!early) response.end();
    },
    answer: push,
    open() {
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // nginx holds answers back otherwise.
        'x-accel-buffering': 'no',
      });
      response.flushHeaders();
      const texts = early ?? [];
      early = null;
      for (const text of texts) write(text);
      if (isOver) response.end();
    },
    close() {
      clearInterval(timer);
      abort.abort();
      stream.leaveFleet();
      for (const end of [...follows.values()]) end();
      follows.clear();
      // Without a head, the answer is an error that somebody else writes.
      if (!early) response.end();
    },
  };
  const timer = setInterval(() => {
    isValid().then(
      (isIn) => (isIn ? write(': alive\n\n') : stream.end('Your session ended: log in again.')),
      // The store does not answer: the next look may say more.
      () => write(': alive\n\n'),
    );
  }, aliveMs);
  return stream;
}
