// Who is counted as connected, over real sockets.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { io } from 'socket.io-client';
import { expect, it, vi } from 'vitest';
import { httpPaths } from '../../contract/http-paths.ts';
import { createAuth, type Credential } from '../auth/auth.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { createTestDispatcher, createTestFleet, createTestRuns, silentLog } from '../parts-for-tests.ts';
import { createHub } from './hub.ts';

it('a client that goes while it is looked up leaves nothing', async () => {
  const store = createMemoryStore();
  const waiting: ((credential: Credential) => void)[] = [];
  const auth = {
    ...createAuth({ log: silentLog, secret: 'x'.repeat(32), now: () => 1_000 }, { store }),
    credentialOfToken: () => new Promise<Credential | null>((resolve) => waiting.push(resolve)),
    callerOf: ({ id }: Credential) => Promise.resolve({ userId: id, name: id, role: 'viewer' as const }),
  };
  const fleet = createTestFleet();
  const runs = createTestRuns();
  const dispatcher = createTestDispatcher({ auth, fleet, runs, store });
  const hub = createHub(
    { log: silentLog, version: '1', foreignOrigin: () => null },
    { auth, fleet, runs, hosts: store.hosts, dispatcher },
  );
  const server = createServer();
  server.on('upgrade', (request, socket, head) => void hub.upgrade(request, socket, head));
  await hub.start();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connect = () =>
    io(`http://127.0.0.1:${port}`, {
      path: httpPaths.socket,
      transports: ['websocket'],
      extraHeaders: { authorization: 'Bearer t' },
      forceNew: true,
      reconnection: false,
    });
  const gone = connect();
  const kept = connect();
  try {
    const [first, second] = await vi.waitUntil(() => waiting.length === 2 && waiting);
    gone.io.engine.close();
    await vi.waitUntil(() => gone.io.engine.readyState === 'closed');
    // The server notices it a moment later.
    await new Promise((resolve) => setTimeout(resolve, 200));
    first?.({ kind: 'token', hash: 'h', id: 'c1' });
    second?.({ kind: 'token', hash: 'h', id: 'c2' });
    await vi.waitUntil(() => kept.connected);
    expect(hub.size).toBe(1);
    kept.disconnect();
    await vi.waitUntil(() => hub.size === 0);
  } finally {
    gone.disconnect();
    kept.disconnect();
    await hub.stop();
    server.closeAllConnections();
    server.close();
  }
});
