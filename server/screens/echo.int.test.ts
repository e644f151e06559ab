// One stream through everything: a WebSocket as a page has it, the console, a node's command socket by the relay over SSH, the mesh, the
// service of another node, and back.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { makeIdentities, type LocalNodes } from '../../bench/identities.ts';
import { followMeshd, memberNames } from '../../bench/meshd-view.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import { streamClose } from '../../contract/streams.ts';
import { startChild, type Child } from '../../host/child.ts';
import { hasSshd, PrivateSshd } from '../../host/ssh/private-sshd.ts';
import { createAuth, type Auth } from '../auth/auth.ts';
import { proxyList } from '../config.ts';
import type { Engine } from '../engines/engine.ts';
import { createMeshdEngine } from '../engines/meshd/engine.ts';
import { MeshdSockets } from '../engines/meshd/sockets.ts';
import { localRoute, sshRoute } from '../engines/route.ts';
import { openStream } from '../fleet/streams.ts';
import { foreignOrigin } from '../http/origin.ts';
import type { StoredHost } from '../ports.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { createScreens, type Screens } from './screens.ts';

const relay = new URL('../../agent/main.ts', import.meta.url).pathname;
const program = new URL('../../scripts/simulated-node.ts', import.meta.url).pathname;
const firstPort = 17_440;
const client = { address: '127.0.0.1', agent: 'test' };
const people = { ann: 'correct horse battery', bob: 'staple correct horse' };

describe.skipIf(!hasSshd)('a stream of a page', () => {
  let sshd: PrivateSshd;
  let identities: LocalNodes;
  let screens: Screens;
  let server: Server;
  let engine: Engine;
  let auth: Auth;
  let origin = '';
  let cookie = '';
  const nodes: Child[] = [];
  const pages: WebSocket[] = [];

  const startNode = async (index: number) => {
    const { name, base, port } = identities.nodes[index]!;
    const flags = [
      '-base',
      base,
      '-port',
      String(port),
      '-degree',
      '2',
      '-context',
      'bench',
      '-nostdin',
      '-level',
      'error',
    ];
    nodes[index] = await startChild([process.execPath, program, name, String(index + 1), ...flags], {
      diesWithParent: true,
      hasInput: true,
    });
  };
  const socketOf = (index: number) => join(identities.nodes[index]!.base, 'meshd');
  const hostOf = (index: number): StoredHost => ({
    id: `h${index}`,
    name: identities.nodes[index]!.name,
    addresses: ['127.0.0.1'],
    port: sshd.port,
    user: sshd.user,
    needsSudo: false,
    keyId: 'k',
    pins: [`${sshd.hostKeys[0]!.type} ${sshd.hostKeys[0]!.key.toString('base64')}`],
    cluster: identities.cluster,
    nodeId: identities.nodes[index]!.id,
    isHead: index === 0,
    addedAt: 0,
    facts: null,
  });
  /** Until node1 lists this many. */
  const members = (count: number) =>
    new Promise<void>((resolve) => {
      const stop = followMeshd({
        path: () => Promise.resolve(socketOf(0)),
        onState: (state) => {
          if (memberNames(state).length !== count) return;
          stop();
          resolve();
        },
      });
    });

  beforeAll(async () => {
    sshd = await PrivateSshd.start({ hostKeys: ['ed25519'] });
    const privateKey = await readFile(join(sshd.home, '.ssh/id_ed25519'), 'utf8');
    identities = await makeIdentities(3, firstPort, { nameOf: (index) => `node${index + 1}` });
    for (const index of [0, 1, 2]) await startNode(index);
    await members(3);
    const sockets = new MeshdSockets(
      {
        version: '0.1.0',
        relayArgv: (host) => {
          const { base } = identities.nodes.find(({ name }) => name === host.name)!;
          return [process.execPath, relay, '-relay', '-base', base];
        },
      },
      { keys: { get: () => Promise.resolve({ id: 'k', label: 'test', publicKey: '', privateKey, addedAt: 0 }) } },
    );
    engine = createMeshdEngine(sockets);
    const store = createMemoryStore();
    auth = createAuth({ log: silentLog, secret: 'x'.repeat(32), now: Date.now }, { store });
    const token = await auth.createSetupToken();
    const ann = { name: 'Ann', email: 'ann@example.org', password: people.ann };
    const { cookies } = await auth.setUp({ ...ann, token }, client);
    cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    const trusted = proxyList([]);
    screens = createScreens(
      {
        log: silentLog,
        now: Date.now,
        foreignOrigin: (request) => foreignOrigin(request, trusted),
        services: { echo: { role: 'operator', args: z.null() } },
      },
      {
        auth,
        audit: store.audit,
        // As commands find theirs: the node over SSH, and node1 for those behind it.
        fleet: {
          openStream: ({ node, ...call }) => {
            const ways = [{ route: sshRoute(hostOf(0)), sendTo: node === 'node1' ? '' : node }];
            return openStream(ways, call, { engine });
          },
        },
      },
    );
    await screens.start();
    server = createServer();
    server.on('upgrade', (request, socket, head) => void screens.upgrade(request, socket, head));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await screens.stop();
    server.closeAllConnections();
    server.close();
    engine.close();
    await Promise.all(nodes.map((node) => node.stop()));
    await identities.remove();
    await sshd.stop();
  });
  afterEach(() => {
    for (const page of pages.splice(0)) page.terminate();
  });

  async function openPage(node: string, headers = { cookie, origin }) {
    const socket = new WebSocket(`${origin.replace('http', 'ws')}${httpPaths.streams}/echo?node=${node}`, { headers });
    pages.push(socket);
    const bytes: Buffer[] = [];
    socket.on('message', (data: Buffer) => bytes.push(data));
    const closed = once(socket, 'close').then(([code, reason]) => ({ code: Number(code), reason: String(reason) }));
    closed.catch(() => undefined);
    await once(socket, 'open');
    return { socket, bytes, closed };
  }
  const lengthOf = (bytes: readonly Buffer[]) => bytes.reduce((sum, { length }) => sum + length, 0);
  const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  test.each(['node1', 'node2', 'node3'])('reaches %s and comes back, each byte as it was', async (node) => {
    const page = await openPage(node);
    const bytes = randomBytes(3_000_000);
    for (let at = 0; at < bytes.length; at += 50_000) page.socket.send(bytes.subarray(at, at + 50_000));
    await vi.waitUntil(() => lengthOf(page.bytes) === bytes.length, { timeout: 60_000 });
    expect(hashOf(Buffer.concat(page.bytes))).toBe(hashOf(bytes));
    page.socket.close();
    await vi.waitUntil(() => screens.size === 0);
  });

  test('another site gets none, and a node that is not there says so in the close', async () => {
    const foreign = openPage('node2', { cookie, origin: 'http://evil.example' });
    await expect(foreign).rejects.toThrow('403');
    const { code, reason } = await (await openPage('node9')).closed;
    expect(code).toBe(streamClose.failed);
    expect(reason).toContain('no node node9 in the roster');
  });

  test('ends with a lower role, and with the session', async () => {
    const bob = await auth.createUser({
      name: 'Bob',
      email: 'bob@example.org',
      password: people.bob,
      role: 'operator',
    });
    const cookies = await auth.logIn('bob@example.org', people.bob, client);
    const own = { cookie: (cookies ?? []).map((line) => line.split(';')[0]).join('; '), origin };
    const [first, second] = [await openPage('node2', own), await openPage('node2')];
    first.socket.send(Buffer.from('one'));
    second.socket.send(Buffer.from('two'));
    await vi.waitUntil(() => lengthOf(first.bytes) === 3 && lengthOf(second.bytes) === 3);
    await auth.setRole(bob.id, 'viewer');
    expect(await first.closed).toEqual({
      code: streamClose.sessionEnded,
      reason: 'Your role is now viewer, and this needs operator.',
    });
    await auth.setRole(bob.id, 'operator');
    const third = await openPage('node3', own);
    await auth.removeUser(bob.id);
    expect(await third.closed).toEqual({ code: streamClose.sessionEnded, reason: 'This account was removed.' });
    await auth.logOut(cookie);
    expect(await second.closed).toEqual({ code: streamClose.sessionEnded, reason: 'You logged out.' });
    const again = await auth.logIn('ann@example.org', people.ann, client);
    cookie = (again ?? []).map((line) => line.split(';')[0]).join('; ');
  });

  test('ends when its node dies, and takes the next way when the best one does not work', async () => {
    const page = await openPage('node3');
    page.socket.send(Buffer.from('here'));
    await vi.waitUntil(() => lengthOf(page.bytes) === 4);
    nodes[2]!.kill('SIGKILL');
    expect([streamClose.ended, streamClose.failed]).toContain((await page.closed).code);
    const stream = await openStream(
      [
        { route: localRoute(socketOf(2)), sendTo: '' },
        { route: localRoute(socketOf(0)), sendTo: 'node2' },
      ],
      { service: 'echo', args: null, timeoutMs: 60_000, signal: new AbortController().signal },
      { engine },
    );
    stream.end('the other way');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('the other way');
  });
});
