// Clients that are strangers, that never read, or that are many: what they can make the console hold, in small.
import { createServer, request, IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, Socket as TcpSocket } from 'node:net';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpPaths } from '../../contract/http-paths.ts';
import { maxSocketQueueBytes, maxSocketsPerUser } from '../../contract/console-limits.ts';
import { maxSocketFrameBytes } from '../../contract/limits.ts';
import type { Ack } from '../../contract/method.ts';
import { createAuth } from '../auth/auth.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import {
  createTestDispatcher,
  createTestFleet,
  createTestRuns,
  emptySnapshot,
  silentLog,
  testSummary,
} from '../parts-for-tests.ts';
import { createHub, type Hub } from './hub.ts';

const deadline = { timeout: 60_000, interval: 20 };
const upgradePath = `${httpPaths.socket}/?EIO=4&transport=websocket`;

let hub: Hub;
let server: Server;
let url = '';
let snapshots = 0;
let snapshot = emptySnapshot;
const runs = createTestRuns();
const clients: { close(): unknown }[] = [];
const warnings: string[] = [];

beforeEach(async () => {
  const store = createMemoryStore();
  snapshots = 0;
  snapshot = emptySnapshot;
  warnings.length = 0;
  const auth = {
    ...createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store }),
    credentialOfToken: (token: string) =>
      Promise.resolve(token.startsWith('t-') ? ({ kind: 'token', hash: token, id: token } as const) : null),
    callerOf: ({ id }: { id: string }) => Promise.resolve({ userId: id, name: id, role: 'viewer' as const }),
  };
  const fleet = {
    ...createTestFleet(),
    snapshot: () => {
      snapshots += 1;
      return snapshot;
    },
  };
  hub = createHub(
    { log: { ...silentLog, warn: (text) => warnings.push(text) }, version: '1', foreignOrigin: () => null },
    { auth, fleet, runs, hosts: store.hosts, dispatcher: createTestDispatcher({ auth, fleet, runs, store }) },
  );
  await hub.start();
  server = createServer();
  server.on('upgrade', (incoming, socket, head) => void hub.upgrade(incoming, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await hub.stop();
  server.closeAllConnections();
  server.close();
});

async function join(token: string): Promise<Socket> {
  const socket = io(url, {
    path: httpPaths.socket,
    transports: ['websocket'],
    extraHeaders: { authorization: `Bearer ${token}` },
    forceNew: true,
    reconnection: false,
  });
  clients.push(socket);
  await new Promise<void>((resolve, reject) => socket.on('connect', resolve).on('connect_error', reject));
  return socket;
}

/** The answer to an upgrade with these headers: its status, and its body where it was refused. */
function upgrade(headers: Record<string, string>): Promise<{ status: number; text: string; socket?: TcpSocket }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}${upgradePath}`, {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        ...headers,
      },
    });
    outgoing.on('upgrade', (answer: IncomingMessage, socket: TcpSocket) => {
      clients.push({ close: () => socket.destroy() });
      socket.on('error', () => undefined);
      resolve({ status: answer.statusCode ?? 0, text: '', socket });
    });
    outgoing.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject).end();
  });
}

const call = (socket: Socket, name: string, input: unknown) =>
  socket.timeout(60_000).emitWithAck(name, input) as Promise<Ack<unknown>>;
const stopReading = (socket: Socket) =>
  (socket.io.engine.transport as unknown as { ws: { _socket: TcpSocket } }).ws._socket.pause();

describe('strangers', () => {
  it('get no WebSocket: each upgrade is answered with the reason, and not a byte of a frame is read', async () => {
    const key = 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==';
    const host = `host: ${new URL(url).host}`;
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
        clients.push({ close: () => socket.destroy() });
        const cookie = index % 2 === 0 ? [] : ['cookie: meshdeck.session_token=x.y'];
        const lines = ['connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 13', key, host, ...cookie];
        socket.write(`GET ${upgradePath} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
        // A frame that says it is of the largest size, and never ends.
        const frame = Buffer.alloc(14);
        frame.writeUInt16BE(0x81ff);
        frame.writeBigUInt64BE(BigInt(maxSocketFrameBytes), 2);
        socket.write(frame);
        let text = '';
        socket.setEncoding('latin1').on('data', (part: string) => (text += part));
        await new Promise((resolve) => socket.on('close', resolve).on('error', resolve));
        return text.split('\r\n', 1)[0];
      }),
    );
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 401 Unauthorized']));
    expect((await upgrade({})).text).toBe(JSON.stringify({ code: 'refused', message: 'Log in first.' }));
    expect((await upgrade({ authorization: 'Bearer nope' })).text).toContain('This token is not valid.');
  });

  it('cannot put a second connection in the place of one that is open', async () => {
    const socket = await join('t-1');
    const sid = socket.io.engine.id;
    const answer = await new Promise<number>((resolve, reject) => {
      const outgoing = request(`${url}${upgradePath}&sid=${sid}`, {
        agent: false,
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
        },
      });
      outgoing.on('upgrade', (_answer, taken: TcpSocket) => {
        taken.destroy();
        resolve(101);
      });
      outgoing
        .on('response', (response) => resolve(response.statusCode ?? 0))
        .on('error', reject)
        .end();
    });
    expect(answer).toBe(400);
  });

  it('of a valid token that never say a word are closed', async () => {
    const { socket } = await upgrade({ authorization: 'Bearer t-1' });
    await new Promise((resolve) => socket?.on('close', resolve).resume());
    const next = new IncomingMessage(new TcpSocket());
    next.headers.authorization = 'Bearer t-1';
    await vi.waitUntil(async () => !('error' in (await hub.judge(next))), deadline);
  });
});

describe('many connections of one user', () => {
  it('end at the cap, with an error that says so, and leave the others alone', async () => {
    const answers = await Promise.all(
      Array.from({ length: maxSocketsPerUser + 20 }, () => upgrade({ authorization: 'Bearer t-1' })),
    );
    expect(answers.filter(({ status }) => status === 101)).toHaveLength(maxSocketsPerUser);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(20);
    expect(refused[0]?.text).toContain(
      `You have ${maxSocketsPerUser} connections to the console open: close tabs of it`,
    );
    await join('t-2');
    // One that ends makes room for another.
    answers.find(({ status }) => status === 101)?.socket?.destroy();
    await vi.waitUntil(async () => (await upgrade({ authorization: 'Bearer t-1' })).status === 101, deadline);
  });
});

describe('a client that never reads', () => {
  it('is cut off when the bytes that wait for it reach the bound; the others hear everything', async () => {
    const [deaf, other] = [await join('t-deaf'), await join('t-other')];
    await vi.waitUntil(() => hub.size === 2, deadline);
    let heard = 0;
    other.on('runs.changed', () => (heard += 1));
    stopReading(deaf);
    const title = 'x'.repeat(200_000);
    let sent = 0;
    // Far above the bound, and above what the kernel takes for a connection.
    const most = (maxSocketQueueBytes + 100 * 1024 * 1024) / title.length;
    while (hub.size === 2 && sent < most) {
      runs.change({ ...testSummary, title });
      sent += 1;
      // At the pace of the one that reads.
      await vi.waitUntil(() => heard === sent, deadline);
    }
    expect(sent).toBeLessThan(most);
    expect(hub.size).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/a connection of t-deaf is closed: it does not read/)]);
    expect(await call(other, 'runs.list', { limit: 1 })).toMatchObject({ ok: true });
  });

  it('gets no next snapshot before it has read the last, however many it asks for', async () => {
    const event = { At: 1, Cluster: 'c', Kind: 'node-up' as const, Nodes: ['x'.repeat(4_000)] };
    snapshot = { ...emptySnapshot, Events: Array.from({ length: 500 }, () => event) };
    const [deaf, other] = [await join('t-deaf'), await join('t-other')];
    stopReading(deaf);
    for (let turn = 0; turn < 1_200; turn += 1) deaf.emit('fleet.subscribe', {}, () => undefined);
    await vi.waitUntil(() => snapshots > 0, deadline);
    // All of the 1,200 arrived before these, on the same server.
    for (let turn = 0; turn < 5; turn += 1)
      expect(await call(other, 'fleet.subscribe', {})).toMatchObject({ ok: true });
    // The kernel takes some of 2 MB each before any wait in the console.
    expect(snapshots - 5).toBeLessThan(20);
    expect(hub.size).toBe(2);
  });
});
