// Streams in pages over real WebSockets: who gets one, what ends it, and what happens when one side does not read. The nodes
// are pairs of pipes here; echo.int.test.ts has real ones.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { maxStreamMessageBytes, maxStreamsPerUser, maxStreamUnsentBytes } from '../../contract/console-limits.ts';
import { AppError } from '../../contract/errors.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Role } from '../../contract/roles.ts';
import { streamClose } from '../../contract/streams.ts';
import { createAuth } from '../auth/auth.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import type { StreamCall } from '../ports.ts';
import { createScreens, type Screens } from './screens.ts';

let screens: Screens;
let server: Server;
let url = '';
let foreign: string | null;
let store: ReturnType<typeof createMemoryStore>;
/** By token, which is also the id of the user. */
let roles: Map<string, Role>;
let endSessions: (ids: string[], reason: string) => void;
let changeRole: (userId: string, role: Role) => void;
let calls: StreamCall[];
let nodes: Duplex[];
let opening: (call: StreamCall) => Promise<unknown>;

beforeEach(async () => {
  store = createMemoryStore();
  foreign = null;
  roles = new Map<string, Role>([
    ['ann', 'operator'],
    ['vic', 'viewer'],
  ]);
  calls = [];
  nodes = [];
  opening = () => Promise.resolve();
  let onRole: (userId: string) => void = () => undefined;
  const auth = {
    ...createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store }),
    credentialOfToken: (token: string) =>
      Promise.resolve(roles.has(token) ? ({ kind: 'token', hash: token, id: token } as const) : null),
    callerOf: ({ id }: { id: string }) => {
      const role = roles.get(id);
      return Promise.resolve(role ? { userId: id, name: id, role } : null);
    },
    onEnded: (listener: typeof endSessions) => {
      endSessions = listener;
      return () => undefined;
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
  screens = createScreens(
    {
      log: silentLog,
      now: () => 5,
      foreignOrigin: () => foreign,
      services: {
        pipe: { role: 'operator', args: z.object({ vm: z.string() }) },
        look: { role: 'viewer', args: z.null() },
      },
    },
    {
      auth,
      audit: store.audit,
      fleet: {
        openStream: async (call) => {
          calls.push(call);
          await opening(call);
          const [near, far] = duplexPair({ allowHalfOpen: true });
          nodes.push(far);
          return near;
        },
      },
    },
  );
  await screens.start();
  server = createServer();
  server.on('upgrade', (request, socket, head) => void screens.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${httpPaths.streams}`;
});
afterEach(async () => {
  await screens.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const pipePath = `/pipe?node=node2&args=${encodeURIComponent('{"vm":"web1"}')}`;

interface Page {
  socket: WebSocket;
  bytes: Buffer[];
  closed: Promise<{ code: number; reason: string }>;
}

async function openPage(path = pipePath, token = 'ann'): Promise<Page> {
  const socket = new WebSocket(url + path, { headers: { authorization: `Bearer ${token}` } });
  const bytes: Buffer[] = [];
  socket.on('message', (data: Buffer) => bytes.push(data));
  const closed = once(socket, 'close').then(([code, reason]) => ({ code: Number(code), reason: String(reason) }));
  closed.catch(() => undefined);
  await once(socket, 'open');
  return { socket, bytes, closed };
}

/** What an upgrade is answered with instead. */
function refusal(path: string, headers: Record<string, string> = { authorization: 'Bearer ann' }) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const socket = new WebSocket(url + path, { headers });
    socket.on('unexpected-response', (_request, response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    socket.on('open', () => reject(new Error('it was let in')));
    socket.on('error', () => undefined);
  });
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const audited = async () =>
  (await store.audit.list({ before: null, limit: 10, text: '' })).map(({ who, what, where, result, message }) =>
    [who, what, where, result, message].join(' | '),
  );

it('carries binary megabytes both ways unchanged, and closes when the node has sent all', async () => {
  const page = await openPage();
  const node = await vi.waitUntil(() => nodes[0]);
  expect(calls[0]).toMatchObject({ cluster: '', node: 'node2', service: 'pipe', args: { vm: 'web1' } });
  const [there, back] = [randomBytes(3_000_000), randomBytes(3_000_000)];
  const arrived: Buffer[] = [];
  node.on('data', (chunk: Buffer) => arrived.push(chunk));
  for (let at = 0; at < there.length; at += 60_000) page.socket.send(there.subarray(at, at + 60_000));
  await vi.waitUntil(() => Buffer.concat(arrived).length === there.length);
  expect(hashOf(Buffer.concat(arrived))).toBe(hashOf(there));
  node.end(back);
  expect(await page.closed).toEqual({ code: streamClose.ended, reason: '' });
  expect(hashOf(Buffer.concat(page.bytes))).toBe(hashOf(back));
  await vi.waitUntil(() => screens.size === 0);
  expect(await audited()).toEqual(['ann | stream pipe {"vm":"web1"} | node2 | ok | ']);
});

it('what a page sent before it closed arrives, and then the end', async () => {
  const page = await openPage();
  const node = await vi.waitUntil(() => nodes[0]);
  const bytes = randomBytes(1_000_000);
  for (let at = 0; at < bytes.length; at += 60_000) page.socket.send(bytes.subarray(at, at + 60_000));
  page.socket.close();
  const arrived: Buffer[] = [];
  for await (const chunk of node) arrived.push(chunk as Buffer);
  expect(hashOf(Buffer.concat(arrived))).toBe(hashOf(bytes));
});

describe('who gets none', () => {
  it('without a session, from another site, and with a role that is not enough', async () => {
    expect(await refusal(pipePath, {})).toMatchObject({
      status: 401,
      text: expect.stringContaining('Log in') as string,
    });
    expect((await refusal(pipePath, { authorization: 'Bearer nobody' })).status).toBe(401);
    expect(await refusal(pipePath, { authorization: 'Bearer vic' })).toEqual({
      status: 403,
      text: JSON.stringify({ code: 'refused', message: 'pipe needs the role operator, and you are viewer' }),
    });
    foreign = 'This request came from another site';
    expect((await refusal(pipePath, { cookie: 'x=y' })).status).toBe(403);
    expect((await refusal(pipePath, { authorization: 'Bearer ann', origin: 'http://evil.example' })).status).toBe(403);
    expect(calls).toEqual([]);
    expect(screens.size).toBe(0);
    expect(await audited()).toEqual([
      'vic | stream pipe {"vm":"web1"} | node2 | refused | pipe needs the role operator, and you are viewer',
    ]);
  });

  it.each([
    ['/nothing', 404],
    ['/__proto__', 404],
    ['/pipe', 400],
    ['/pipe?args=%7B%7D', 400],
    ['/pipe?args=nonsense', 400],
    [`/pipe?node=${'n'.repeat(300)}&args=${encodeURIComponent('{"vm":"a"}')}`, 400],
    [`/pipe?args=${encodeURIComponent(JSON.stringify({ vm: 'x'.repeat(3_000) }))}`, 400],
    [`/pipe?args=${encodeURIComponent('{"vm":"a\\u0000b"}')}`, 400],
  ])('%s is answered with %i', async (path, status) => {
    expect((await refusal(path)).status).toBe(status);
    expect(calls).toEqual([]);
  });

  it('beyond the bound of a user, until one is closed', async () => {
    const pages = await Promise.all(Array.from({ length: maxStreamsPerUser }, () => openPage()));
    expect((await refusal(pipePath)).text).toContain(`You have ${maxStreamsPerUser} screens and consoles open`);
    // Another user still gets one.
    await openPage('/look', 'vic');
    pages[0]!.socket.close();
    await vi.waitUntil(() => screens.size === maxStreamsPerUser);
    await openPage();
  });
});

describe('what ends it', () => {
  it('the end of its session, at once: nothing passes after that', async () => {
    const [page, other] = [await openPage(), await openPage('/look', 'vic')];
    const node = await vi.waitUntil(() => nodes[0]);
    let seen = 0;
    node.on('data', () => (seen += 1));
    endSessions(['ann'], 'You logged out.');
    page.socket.send(Buffer.from('late'));
    expect(await page.closed).toEqual({ code: streamClose.sessionEnded, reason: 'You logged out.' });
    expect(seen).toBe(0);
    expect(other.socket.readyState).toBe(WebSocket.OPEN);
    await vi.waitUntil(() => screens.size === 1);
  });

  it('a lower role of its user, where that is not enough any longer', async () => {
    const [page, look] = [await openPage(), await openPage('/look')];
    changeRole('ann', 'viewer');
    expect(await page.closed).toEqual({
      code: streamClose.sessionEnded,
      reason: 'Your role is now viewer, and this needs operator.',
    });
    expect(look.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('the end of its session while it is opened: what comes of that is thrown away', async () => {
    const gate = Promise.withResolvers<undefined>();
    opening = () => gate.promise;
    const page = await openPage();
    await vi.waitUntil(() => calls.length === 1);
    endSessions(['ann'], 'This account was removed.');
    expect((await page.closed).code).toBe(streamClose.sessionEnded);
    expect(calls[0]!.signal.aborted).toBe(true);
    gate.resolve(undefined);
    const node = await vi.waitUntil(() => nodes[0]);
    let seen = 0;
    node.on('data', () => (seen += 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen).toBe(0);
  });

  it('a node that opens none, with its reason as far as a close can carry it', async () => {
    opening = () => Promise.reject(new AppError('refused', `node2 is too old for streams: ${'é'.repeat(200)}`));
    const page = await openPage();
    const { code, reason } = await page.closed;
    expect(code).toBe(streamClose.failed);
    expect(reason).toMatch(/^node2 is too old for streams: é+$/);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect((await audited())[0]).toMatch(/^ann \| stream pipe .* \| node2 \| refused \| node2 is too old/);
  });

  it('text, a message that is too large, and the end of the console', async () => {
    const [text, large, last] = [await openPage(), await openPage(), await openPage()];
    await vi.waitUntil(() => nodes.length === 3);
    text.socket.send('hello');
    expect((await text.closed).code).toBe(streamClose.binaryOnly);
    large.socket.send(Buffer.alloc(maxStreamMessageBytes + 1));
    expect((await large.closed).code).toBe(1009);
    await screens.stop();
    expect([streamClose.goingAway, 1006]).toContain((await last.closed).code);
  });
});

describe('when one side does not read', () => {
  it('a page that stops holds back the node', async () => {
    const page = await openPage();
    const node = await vi.waitUntil(() => nodes[0]);
    page.socket.pause();
    const chunk = randomBytes(64 * 1024);
    let sent = 0;
    const write = () => {
      while (sent < 200_000_000 && node.write(chunk, () => (sent += chunk.length)));
    };
    node.on('drain', write);
    write();
    let before = -1;
    await vi.waitUntil(
      () => {
        const isStill = sent === before && sent > 0;
        before = sent;
        return isStill;
      },
      { interval: 500, timeout: 60_000 },
    );
    // The bound, what the kernel holds of a connection on the loopback, and pipes.
    expect(sent).toBeLessThan(maxStreamUnsentBytes + 30_000_000);
    const until = sent + 1_000_000;
    page.socket.resume();
    await vi.waitUntil(() => sent > until);
  });

  it('a node that stops holds back the page', async () => {
    const page = await openPage();
    const node = await vi.waitUntil(() => nodes[0]);
    const chunk = randomBytes(128 * 1024);
    for (let at = 0; at < 400; at += 1) page.socket.send(chunk);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(page.socket.bufferedAmount).toBeGreaterThan(10_000_000);
    let read = 0;
    node.on('data', (data: Buffer) => (read += data.length));
    await vi.waitUntil(() => read === 400 * chunk.length, { timeout: 60_000 });
  });
});
