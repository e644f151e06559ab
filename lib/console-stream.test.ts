import { beforeEach, expect, it, vi } from 'vitest';
import { streamClose, takeKeyboard } from '../contract/streams.ts';
import { ConsoleStream, type ConsoleWire, type WebSocketLike } from './console-stream.ts';

class FakeSocket implements WebSocketLike {
  binaryType = '';
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly url: string;
  readonly sent: (string | number[])[] = [];
  isClosed = false;
  constructor(url: string) {
    this.url = url;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  send(data: Uint8Array | string): void {
    this.sent.push(typeof data === 'string' ? data : [...data]);
  }
  close(): void {
    this.isClosed = true;
  }
  end(code: number, reason = ''): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

let sockets: FakeSocket[];
let events: string[];
let wires: ConsoleWire[];
let now: number;
let retries: { run: () => void; ms: number; isCancelled: boolean }[];
let stream: ConsoleStream;

beforeEach(() => {
  vi.stubGlobal('window', { location: { href: 'https://console:3000/console/node2/web1?kind=vnc' } });
  [sockets, events, wires, retries, now] = [[], [], [], [], 1_000];
  stream = new ConsoleStream(
    { service: 'vnc', cluster: 'c1', node: 'node2', args: { vm: 3 } },
    {
      draw: (wire) => {
        const number = wires.push(wire);
        if (wire.isAgain) events.push(`${number} again`);
        return {
          onOpen: () => void events.push(`${number} open`),
          onBytes: (bytes) => void events.push(`${number} ${[...new Uint8Array(bytes)].join(',')}`),
          onEnd: () => void events.push(`${number} end`),
        };
      },
      createSocket: (url) => {
        const socket = new FakeSocket(url);
        sockets.push(socket);
        return socket;
      },
      now: () => now,
      later: (run, ms) => {
        const retry = { run, ms, isCancelled: false };
        retries.push(retry);
        return () => void (retry.isCancelled = true);
      },
    },
  );
  stream.want(true);
});

const last = <T>(items: readonly T[]): T => items.at(-1)!;

it('carries bytes both ways, and text says who is there', () => {
  expect(sockets[0]?.url).toBe('wss://console:3000/streams/vnc?cluster=c1&node=node2&args=%7B%22vm%22%3A3%7D');
  expect(stream.state.get()).toEqual({ link: { at: 'connecting' }, watchers: [] });
  // Before it is open nothing is sent, and nothing is kept.
  last(wires).send(Uint8Array.of(9));
  sockets[0]?.open();
  const watchers = [{ name: 'Ann', console: 'vnc', isYou: true, mayInput: true, hasKeyboard: true }];
  sockets[0]?.onmessage?.({ data: JSON.stringify({ watchers }) });
  sockets[0]?.onmessage?.({ data: Uint8Array.of(1, 2).buffer });
  last(wires).send(Uint8Array.of(3));
  stream.take();
  expect(events).toEqual(['1 open', '1 1,2']);
  expect(sockets[0]?.sent).toEqual([[3], takeKeyboard]);
  expect(stream.state.get()).toEqual({ link: { at: 'open' }, watchers });
});

it('waits longer from try to try, with the reason, and begins again once it was open for a while', () => {
  sockets[0]?.end(streamClose.failed, 'node2 is not in the mesh now');
  expect(stream.state.get()).toEqual({
    link: { at: 'waiting', reason: 'node2 is not in the mesh now', retryAt: 2_000 },
    watchers: [],
  });
  for (const ms of [1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
    expect(last(retries).ms).toBe(ms);
    last(retries).run();
    last(sockets).end(1006);
  }
  expect(stream.state.get().link).toMatchObject({ reason: expect.stringContaining('did not open it') as string });
  last(retries).run();
  last(sockets).open();
  now += 10_000;
  last(sockets).end(1006);
  expect(last(retries).ms).toBe(1_000);
  expect(stream.state.get().link).toMatchObject({ reason: 'The connection to the console was lost' });
  expect(last(events)).toMatch(/ end$/);
  last(retries).run();
  expect(last(events)).toMatch(/ again$/);
});

it('is over when it is not wanted: what is open stays until it ends, and nothing is tried again', () => {
  sockets[0]?.open();
  stream.want(false);
  expect(stream.state.get().link.at).toBe('open');
  sockets[0]?.end(streamClose.ended);
  expect([stream.state.get().link.at, retries.length]).toEqual(['over', 0]);
  stream.connect();
  expect(sockets).toHaveLength(1);
  // A VM that is started again shows something new.
  stream.want(true);
  expect(events).toEqual(['1 open', '1 end']);
  expect(sockets).toHaveLength(2);
  last(sockets).end(1006);
  stream.want(false);
  expect([stream.state.get().link.at, last(retries).isCancelled]).toEqual(['over', true]);
});

it('is tried again at once when somebody asks for it, once', () => {
  sockets[0]?.end(1001);
  expect(stream.state.get().link).toMatchObject({ at: 'waiting', reason: 'The console restarts' });
  stream.connect();
  stream.connect();
  expect([sockets.length, last(retries).isCancelled]).toEqual([2, true]);
});

it('ends permanently when it is closed, whatever comes after', () => {
  sockets[0]?.open();
  stream.close();
  expect(events).toEqual(['1 open', '1 end']);
  expect(sockets[0]?.isClosed).toBe(true);
  sockets[0]?.end(1000);
  stream.connect();
  expect([sockets.length, retries.length]).toEqual([1, 0]);
});
