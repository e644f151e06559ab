// An upload through everything: what a page sends over its WebSocket, the console, a node's command socket, and the file of the node.
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import type { Role } from '../../contract/roles.ts';
import { uploadService, type UploadArgs } from '../../contract/uploads.ts';
import { fleetFromSnapshot } from '../../core/fleet-view.ts';
import { uploadFile, type UploadComponents, type UploadProgress, type UploadSocket } from '../../lib/upload.ts';
import { type SimulatedNodes, startSimulatedNodes } from '../../scripts/simulated.ts';
import type { Auth } from '../auth/auth.ts';
import { createFleet } from '../fleet/create-fleet.ts';
import type { Caller, Fleet } from '../ports.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { silentLog } from '../parts-for-tests.ts';
import { createScreens, type Screens } from './screens.ts';
import { uploadStreams } from './uploads.ts';

const roles = new Map<string, Role>([
  ['olga', 'operator'],
  ['vic', 'viewer'],
]);
/** Tokens are names. */
const auth: Partial<Auth> = {
  credentialOfToken: (token) =>
    Promise.resolve(roles.has(token) ? ({ kind: 'token', hash: token, id: token } as const) : null),
  callerOf: ({ id }) => {
    const role = roles.get(id);
    return Promise.resolve(role ? { userId: id, name: id, role } : null);
  },
  onEnded: () => () => undefined,
  onRoleChanged: () => () => undefined,
};
const olga: Caller = { userId: 'olga', name: 'olga', role: 'operator' };
let nodes: SimulatedNodes;
let fleet: Fleet;
let screens: Screens;
let server: Server;
const store = createMemoryStore();
const sockets: WebSocket[] = [];

beforeAll(async () => {
  nodes = await startSimulatedNodes(2, () => undefined);
  const [socketPath = ''] = nodes.sockets;
  const cluster = {
    id: 'local',
    context: 'simulated',
    engine: 'meshd',
    socketPaths: [socketPath],
    addedAt: 0,
  } as const;
  await store.clusters.put(cluster);
  fleet = createFleet({ log: silentLog }, { store });
  await fleet.start();
  await vi.waitFor(() => {
    expect(fleetFromSnapshot(fleet.snapshot()).clusters[0]?.State).toBe('live');
  });
  screens = createScreens(
    { log: silentLog, now: Date.now, foreignOrigin: () => null, services: uploadStreams },
    { auth: auth as Auth, audit: store.audit, fleet },
  );
  await screens.start();
  server = createServer();
  server.on('upgrade', (request, socket, head) => void screens.upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await screens.stop();
  server.closeAllConnections();
  server.close();
  await fleet.stop();
  await nodes.stop();
});

/** What a page of this person uses. */
function page(person: string): UploadComponents {
  return {
    open: (args: UploadArgs) => {
      const { port } = server.address() as AddressInfo;
      const query = new URLSearchParams({ args: JSON.stringify(args) });
      const socket = new WebSocket(`ws://127.0.0.1:${port}${httpPaths.streams}/${uploadService}?${query.toString()}`, {
        headers: { authorization: `Bearer ${person}` },
      });
      sockets.push(socket);
      const made: UploadSocket = {
        ...{ onopen: null, onmessage: null, onclose: null },
        send: (data) => socket.send(data),
        close: () => socket.close(),
      };
      socket.on('open', () => made.onopen?.());
      socket.on('message', (data: Buffer) => {
        made.onmessage?.({ data: data.buffer.slice(data.byteOffset, data.byteOffset + data.length) });
      });
      socket.on('close', (code: number, reason: Buffer) => made.onclose?.({ code, reason: String(reason) }));
      socket.on('error', () => undefined);
      return made;
    },
    digest: (data) => crypto.subtle.digest('SHA-256', data),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

async function ask(line: string): Promise<ResponseEntry[]> {
  const entries: ResponseEntry[] = [];
  const signal = new AbortController().signal;
  const call = { cluster: 'local', node: '', line, session: '', timeoutMs: 30_000, caller: olga, signal };
  await fleet.runCommand({ ...call, onAnswer: ({ Resp }) => entries.push(...(Resp ?? [])) });
  return entries;
}

function disk(bytes: number): Buffer<ArrayBuffer> {
  const data = randomBytes(bytes);
  data.writeUInt16LE(0xaa55, 0x1fe);
  return data;
}

test('an upload whose connection breaks half-way arrives whole, with the hash that the file has', async () => {
  const data = disk(9 * 1024 * 1024);
  const told: UploadProgress[] = [];
  let cuts = 0;
  const onProgress = (progress: UploadProgress) => {
    told.push(progress);
    if (progress.state !== 'sending' || progress.doneBytes < data.length / 2 || cuts > 0) return;
    cuts += 1;
    sockets.at(-1)?.terminate();
  };
  const options = { signal: new AbortController().signal, onProgress };
  const args = { name: 'images/big.raw', mayReplace: false, use: 'disk' as const };
  const uploaded = await uploadFile(new Blob([data]), args, options, page('olga'));
  expect(uploaded).toEqual({
    name: 'images/big.raw',
    bytes: data.length,
    hash: createHash('sha256').update(data).digest('hex'),
    format: 'raw',
    node: 'node1',
  });
  expect(cuts).toBe(1);
  const resumed = told[told.findIndex(({ state }) => state === 'waiting') + 2];
  expect(resumed?.doneBytes).toBeGreaterThanOrEqual(data.length / 2 - 4 * 1024 * 1024);
  const [list] = await ask('file list images');
  expect(list?.Tabular?.map(([, name, bytes]) => [name, bytes])).toContainEqual([
    'images/big.raw',
    String(data.length),
  ]);

  // The same file is taken as it is; another one under its name is not.
  const again = await uploadFile(new Blob([data]), args, options, page('olga'));
  expect(again).toEqual({ ...uploaded, wasThere: true });
  const other = Uint8Array.from(data);
  other[other.length - 1] = 1 ^ (other.at(-1) ?? 0);
  await expect(uploadFile(new Blob([other]), args, options, page('olga'))).rejects.toMatchObject({
    code: 'conflict',
    message: 'images/big.raw is on node1 already: replace it, or choose another name',
  });
  const text = new Blob([new TextEncoder().encode('not an image\n')]);
  await expect(uploadFile(text, { ...args, name: 'x.raw' }, options, page('olga'))).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('x.raw is not a disk image') as string,
  });
  expect((await ask('file list x.raw'))[0]?.Tabular).toEqual([]);
  const { [0]: last } = await store.audit.list({ before: null, limit: 10, text: 'big.raw' });
  expect(last).toMatchObject({ who: 'olga', what: expect.stringContaining('stream file-put') as string });
});

test('a viewer uploads nothing', async () => {
  const options = { signal: new AbortController().signal, onProgress: () => undefined };
  const parts = { ...page('vic'), pause: () => Promise.resolve() };
  const args = { name: 'y.raw', mayReplace: false, use: null };
  await expect(uploadFile(new Blob([disk(4_096)]), args, options, parts)).rejects.toMatchObject({
    code: 'unreachable',
  });
  expect((await ask('file list y.raw'))[0]?.Tabular).toEqual([]);
});
