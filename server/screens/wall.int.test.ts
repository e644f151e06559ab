// The wall over real WebSockets: what nodes are asked for, and who gets which picture. Nodes are pipes here.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { AppError } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { readWallPicture, streamClose } from '../../contract/streams.ts';
import { createAuth } from '../auth/auth.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { createScreens, type Screens } from './screens.ts';
import { createWallService } from './wall.ts';

interface FakeNode {
  readonly stream: Duplex;
  /** Resolves when the console has ended its stream. */
  readonly ended: Promise<unknown>;
  /** What it was asked for, line by line. */
  readonly asked: number[][];
}
let nodes: Map<string, FakeNode>;
let opened: string[];
let screens: Screens;
let server: Server;
let url = '';
const pages: WebSocket[] = [];

beforeEach(async () => {
  nodes = new Map<string, FakeNode>();
  opened = [];
  const fleet = {
    openStream: ({ node, service }: { node: string; service: string }) => {
      opened.push(`${service} ${node}`);
      if (node === 'away') return Promise.reject(new AppError('unreachable', 'away is not in the mesh now'));
      const [near, far] = duplexPair({ allowHalfOpen: true });
      const asked: number[][] = [];
      far.on('error', () => undefined);
      far.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().trim().split('\n')) asked.push((JSON.parse(line) as { vms: number[] }).vms);
      });
      nodes.set(node, { stream: far, asked, ended: new Promise((resolve) => near.once('close', resolve)) });
      return Promise.resolve(near);
    },
  };
  const store = createMemoryStore();
  const auth = {
    ...createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store }),
    credentialOfToken: (token: string) => Promise.resolve({ kind: 'token', hash: token, id: token } as const),
    callerOf: ({ id }: { id: string }) => Promise.resolve({ userId: id, name: id, role: 'viewer' as const }),
  };
  const services = { wall: createWallService({ log: silentLog }, { fleet }) };
  screens = createScreens(
    { log: silentLog, now: () => 5, foreignOrigin: () => null, services },
    { auth, audit: store.audit, fleet },
  );
  await screens.start();
  server = createServer();
  server.on('upgrade', (request, socket, head) => void screens.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${httpPaths.streams}/wall`;
});
afterEach(async () => {
  for (const page of pages.splice(0)) page.terminate();
  await screens.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function openPage(...vms: [string, number][]) {
  const socket = new WebSocket(url, { headers: { authorization: 'Bearer vic' } });
  pages.push(socket);
  const seen: string[] = [];
  socket.binaryType = 'arraybuffer';
  socket.on('message', (data: ArrayBuffer) => {
    const { node, vm, png } = readWallPicture(data);
    seen.push(`${node} ${vm} ${Buffer.from(png).toString()}`);
  });
  const closed = once(socket, 'close').then(([code]) => Number(code));
  closed.catch(() => undefined);
  await once(socket, 'open');
  const want = (...wanted: [string, number][]) => socket.send(JSON.stringify({ vms: wanted }));
  want(...vms);
  return { socket, seen, want, closed };
}

/** A node sends a picture, in two pieces. */
function shoot(node: string, vm: number, png: string): void {
  const frame = Buffer.alloc(8 + png.length);
  frame.writeUInt32BE(vm, 0);
  frame.writeUInt32BE(png.length, 4);
  frame.write(png, 8);
  const { stream } = nodes.get(node)!;
  stream.write(frame.subarray(0, 9));
  stream.write(frame.subarray(9));
}

it('asks each node once for what all pages show, and gives each page its own', async () => {
  const first = await openPage(['node1', 1], ['node2', 5]);
  const second = await openPage(['node1', 1], ['node1', 2]);
  await vi.waitUntil(() => nodes.get('node1')?.asked.at(-1)?.length === 2 && nodes.get('node2')?.asked.length === 1);
  expect([nodes.get('node1')?.asked.at(-1), nodes.get('node2')?.asked.at(-1)]).toEqual([[1, 2], [5]]);
  shoot('node1', 1, 'one');
  shoot('node1', 2, 'two');
  shoot('node2', 5, 'five');
  await vi.waitFor(() => expect([...first.seen].sort()).toEqual(['node1 1 one', 'node2 5 five']));
  await vi.waitFor(() => expect(second.seen).toEqual(['node1 1 one', 'node1 2 two']));
  expect(opened).toEqual(['pictures node1', 'pictures node2']);

  // One that comes later has at once what is known, and what nobody shows is asked for no more.
  const third = await openPage(['node1', 2]);
  await vi.waitFor(() => expect(third.seen).toEqual(['node1 2 two']));
  first.want();
  second.socket.close();
  await vi.waitFor(() => expect(nodes.get('node1')?.asked.at(-1)).toEqual([2]));
  await vi.waitFor(() => expect(nodes.get('node2')?.asked.at(-1)).toEqual([]));
});

it('a node that is away, or breaks, keeps nothing from the others', async () => {
  const page = await openPage(['away', 1], ['node1', 1]);
  await vi.waitUntil(() => nodes.get('node1')?.asked.length === 1);
  shoot('node1', 1, 'one');
  await vi.waitUntil(() => page.seen.length === 1);
  const { stream, ended } = nodes.get('node1')!;
  const broken = Buffer.alloc(8);
  broken.writeUInt32BE(0xffffffff, 4);
  stream.write(broken);
  await ended;
  expect(page.socket.readyState).toBe(WebSocket.OPEN);
});

it('a page that does not read gets the newest picture once it does', async () => {
  const page = await openPage(['node1', 1]);
  await vi.waitUntil(() => nodes.get('node1')?.asked.length === 1);
  page.socket.pause();
  for (let at = 0; at < 200; at += 1) shoot('node1', 1, `${at} ${'x'.repeat(100_000)}`);
  shoot('node1', 1, 'newest');
  page.socket.resume();
  await vi.waitFor(() => expect(page.seen.at(-1)).toBe('node1 1 newest'));
  expect(page.seen.length).toBeLessThan(201);
});

it('ends a page that asks in another way', async () => {
  const page = await openPage();
  page.socket.send('{"vms":"all"}');
  expect(await page.closed).toBe(streamClose.failed);
});
