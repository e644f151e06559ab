// Consoles of VMs in pages over real WebSockets: who types, who looks, who takes the keyboard. The node is a pipe here; console-path.int.test.ts has real ones.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Role } from '../../contract/roles.ts';
import { streamClose, takeKeyboard, type ConsoleNews } from '../../contract/streams.ts';
import { createAuth } from '../auth/auth.ts';
import type { StreamCall } from '../ports.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { createConsoleServices } from './consoles.ts';
import { createScreens, type Screens } from './screens.ts';

let screens: Screens;
let server: Server;
let url = '';
let store: ReturnType<typeof createMemoryStore>;
let roles: Map<string, Role>;
let changeRole: (userId: string, role: Role) => void;
let calls: StreamCall[];
let nodes: Duplex[];
let now: number;
const pages: WebSocket[] = [];

beforeEach(async () => {
  store = createMemoryStore();
  roles = new Map<string, Role>([
    ['ann', 'operator'],
    ['bob', 'admin'],
    ['vic', 'viewer'],
  ]);
  [calls, nodes, now] = [[], [], 1_000];
  let onRole: (userId: string) => void = () => undefined;
  const auth = {
    ...createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store }),
    credentialOfToken: (token: string) =>
      Promise.resolve(roles.has(token) ? ({ kind: 'token', hash: token, id: token } as const) : null),
    callerOf: ({ id }: { id: string }) => {
      const role = roles.get(id);
      return Promise.resolve(role ? { userId: id, name: id, role } : null);
    },
    onRoleChanged: (listener: typeof onRole) => {
      onRole = listener;
      return () => undefined;
    },
  };
  changeRole = (userId, role) => {
    roles.set(userId, role);
    onRole(userId);
  };
  const row = { Cluster: 'c', Node: 'id2', Name: 'web1', Namespace: 'exp' };
  const fleet = {
    // The row of one VM alone; what else there is of it does not matter here.
    vm: (_cluster: string, _node: string, id: number) => (id === 3 ? (row as never) : null),
    openStream: (call: StreamCall) => {
      calls.push(call);
      const [near, far] = duplexPair({ allowHalfOpen: true });
      nodes.push(far);
      return Promise.resolve(near);
    },
  };
  const services = createConsoleServices({ now: () => now }, { fleet });
  const options = { log: silentLog, now: () => 5, foreignOrigin: () => null, services };
  screens = createScreens(options, { auth, audit: store.audit, fleet });
  await screens.start();
  server = createServer();
  server.on('upgrade', (request, socket, head) => void screens.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${httpPaths.streams}`;
});
afterEach(async () => {
  for (const page of pages.splice(0)) page.terminate();
  await screens.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Page {
  readonly socket: WebSocket;
  /** What arrived at the node for it. */
  readonly arrived: () => number[];
  /** Who is there, as the page heard last: `>` is the page itself, `*` has the keyboard. */
  readonly watchers: () => string;
  readonly closed: Promise<{ code: number; reason: string }>;
}

async function openPage(who: string, service = 'vnc', args: unknown = { vm: 3 }): Promise<Page> {
  const path = `/${service}?node=node2&args=${encodeURIComponent(JSON.stringify(args))}`;
  const socket = new WebSocket(url + path, { headers: { authorization: `Bearer ${who}` } });
  pages.push(socket);
  let watchers = '';
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) return;
    const news = JSON.parse(data.toString()) as ConsoleNews;
    watchers = news.watchers
      .map(({ name, console, isYou, hasKeyboard }) => `${isYou ? '>' : ''}${name} ${console}${hasKeyboard ? '*' : ''}`)
      .join(', ');
  });
  const closed = once(socket, 'close').then(([code, reason]) => ({ code: Number(code), reason: String(reason) }));
  closed.catch(() => undefined);
  await once(socket, 'open');
  await vi.waitUntil(() => watchers !== '');
  const node = nodes.at(-1);
  const bytes: number[] = [];
  node?.on('data', (chunk: Buffer) => bytes.push(...chunk));
  return { socket, arrived: () => bytes, watchers: () => watchers, closed };
}

const audited = async () =>
  (await store.audit.list({ before: null, limit: 20, text: '' }))
    .map(({ who, what, where, result }) => [who, what, where, result].join(' | '))
    .reverse();

const hello = [...Buffer.from('RFB 003.008\n'), 1, 1];
const key = (letter: string, isDown: boolean) => [4, Number(isDown), 0, 0, 0, 0, 0, letter.charCodeAt(0)];
const look = [3, 1, 0, 0, 0, 0, 2, 128, 1, 224];

it('asks the node for input by role, and says in the audit log whose console it is', async () => {
  await openPage('ann');
  await openPage('vic', 'serial', { vm: 4, port: 1 });
  expect(calls.map(({ node, service, args }) => [node, service, args])).toEqual([
    ['node2', 'vnc', { vm: 3, input: true }],
    ['node2', 'serial', { vm: 4, port: 1, input: false }],
  ]);
  await vi.waitFor(async () =>
    expect(await audited()).toEqual([
      'ann | vnc of web1 (VM 3 in exp) | node2 | ok',
      'vic | serial1 of VM 4, to look | node2 | ok',
    ]),
  );
});

it('no page says itself that it may input, nor names a VM in two ways', async () => {
  for (const args of [{ vm: 3, input: true }, { vm: 'web1' }, { vm: 3, namespace: 'x' }]) {
    await expect(openPage('vic', 'vnc', args)).rejects.toThrow('400');
  }
  expect(calls).toEqual([]);
});

it('passes the keys of who has the keyboard, and of nobody else', async () => {
  const [vic, ann, bob] = [await openPage('vic'), await openPage('ann'), await openPage('bob')];
  expect(bob.watchers()).toBe('vic vnc, ann vnc*, >bob vnc');
  for (const { socket } of [vic, ann, bob]) socket.send(Buffer.from([...hello, ...key('a', true), ...look]));
  await vi.waitFor(() => expect(ann.arrived()).toEqual([...hello, ...key('a', true), ...look]));
  await vi.waitFor(() => expect(vic.arrived()).toEqual([...hello, ...look]));
  await vi.waitFor(() => expect(bob.arrived()).toEqual([...hello, ...look]));
});

it('another operator takes the keyboard: what was held is let go of, and the one who lost it hears so and keeps looking', async () => {
  const [ann, bob, vic] = [await openPage('ann'), await openPage('bob'), await openPage('vic')];
  for (const { socket } of [ann, bob]) socket.send(Buffer.from([...hello, ...key('a', true)]));
  await vi.waitUntil(() => ann.arrived().length > hello.length);
  bob.socket.send(takeKeyboard);
  await vi.waitUntil(() => vic.watchers() === 'ann vnc, bob vnc*, >vic vnc');
  await vi.waitFor(() => expect(ann.arrived()).toEqual([...hello, ...key('a', true), ...key('a', false)]));
  ann.socket.send(Buffer.from([...key('b', true), ...look]));
  bob.socket.send(Buffer.from(key('c', true)));
  await vi.waitFor(() => expect(ann.arrived().slice(hello.length + 16)).toEqual(look));
  await vi.waitFor(() => expect(bob.arrived()).toEqual([...hello, ...key('c', true)]));
  expect((await audited()).at(-1)).toBe('bob | take the keyboard: vnc of web1 (VM 3 in exp) | node2 | ok');

  // Back at once is too soon; later it is not.
  bob.socket.send(takeKeyboard);
  ann.socket.send(takeKeyboard);
  await vi.waitUntil(() => vic.watchers() === 'ann vnc*, bob vnc, >vic vnc');
  bob.socket.send(takeKeyboard);
  vic.socket.send(takeKeyboard);
  bob.socket.send(Buffer.from(look));
  await vi.waitFor(() => expect(bob.arrived().slice(-look.length)).toEqual(look));
  expect(vic.watchers()).toBe('ann vnc*, bob vnc, >vic vnc');
  now += 1_000;
  bob.socket.send(takeKeyboard);
  await vi.waitUntil(() => vic.watchers() === 'ann vnc, bob vnc*, >vic vnc');
});

it('a serial port has its own keyboard, and every byte passes', async () => {
  const [ann, bob] = [await openPage('ann'), await openPage('bob', 'serial', { vm: 3, port: 0 })];
  expect(bob.watchers()).toBe('ann vnc*, >bob serial0*');
  await vi.waitUntil(() => ann.watchers() === '>ann vnc*, bob serial0*');
  const bytes = Array.from({ length: 256 }, (_, at) => at);
  bob.socket.send(Buffer.from(bytes));
  await vi.waitFor(() => expect(bob.arrived()).toEqual(bytes));
  const vic = await openPage('vic', 'serial', { vm: 3, port: 0 });
  vic.socket.send(Buffer.from(bytes));
  bob.socket.close();
  await vi.waitUntil(() => vic.watchers() === 'ann vnc*, >vic serial0');
  expect(vic.arrived()).toEqual([]);
});

it('ends what is not a VNC client, with the reason, and text that it does not know', async () => {
  const [odd, chatty, good] = [await openPage('ann'), await openPage('ann'), await openPage('ann')];
  odd.socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  expect(await odd.closed).toEqual({
    code: streamClose.failed,
    reason: 'this VNC client cannot be connected: it does not begin as a VNC client of version 3.3, 3.7 or 3.8',
  });
  chatty.socket.send('{"give":true}');
  expect((await chatty.closed).code).toBe(streamClose.binaryOnly);
  await vi.waitUntil(() => good.watchers() === '>ann vnc*');
});

it('ends when its user may do more or less than before; the keyboard goes to the next at once', async () => {
  const [ann, bob, vic] = [await openPage('ann'), await openPage('bob'), await openPage('vic')];
  changeRole('ann', 'viewer');
  expect(await ann.closed).toEqual({
    code: streamClose.sessionEnded,
    reason: 'Your role is now viewer: open the console again, to look.',
  });
  await vi.waitUntil(() => bob.watchers() === '>bob vnc*, vic vnc');
  changeRole('bob', 'operator');
  changeRole('vic', 'operator');
  expect((await vic.closed).reason).toBe('Your role is now operator: open the console again, to act.');
  await vi.waitUntil(() => bob.watchers() === '>bob vnc*');
});
