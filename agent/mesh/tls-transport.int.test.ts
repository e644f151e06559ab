import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maxFrameBytes, maxStrangersPerAddress } from '../../contract/limits.ts';
import { revokeNode } from '../../core/mesh/roster.ts';
import type { Mesh } from './mesh.ts';
import { TlsCluster, silentLog, until, type TlsMember } from './tls-for-tests.ts';
import { TlsTransport } from './tls-transport.ts';
import type { Connection } from './transport.ts';

let folder: string;
let cluster: TlsCluster;
// Below the ports that the system gives to outgoing connections (32768 and up): nothing else takes one of these.
let firstPort = 22_000;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-test-'));
  // Each test has its own ports: those that the previous test closed may linger.
  firstPort += 20;
});
afterEach(async () => {
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startCluster(size: number, degree = 3, protocols = [2]): Promise<void> {
  cluster = await TlsCluster.create(join(folder, 'ca'), { size, firstPort });
  for (let i = 0; i < size; i += 1) await cluster.start(i, degree, protocols[i % protocols.length]);
  await until(() => cluster.isSettled());
}

describe.each([
  { versions: 'protocol 2', protocols: [2] },
  { versions: 'protocols 1 and 2', protocols: [1, 2] },
])('$versions', ({ protocols }) => {
  test('T1 F1 M1 four nodes over TLS become one mesh and answer each other', async () => {
    await startCluster(4, 3, protocols);
    for (const mesh of cluster.meshes) mesh.serve('name', () => Promise.resolve(mesh.nameOf(mesh.nodeId)));
    const [first] = cluster.meshes;
    const answers = await first!.request(first!.memberIds(), 'name', null, { timeoutMs: 60_000 });
    const names = [...answers.values()].map((answer) => (answer.ok ? answer.body : answer.message));
    expect(names.sort()).toEqual(['node1', 'node2', 'node3', 'node4']);
    // A last link state may be on its way.
    await until(() => new Set(cluster.meshes.map((mesh) => JSON.stringify(mesh.topology()))).size === 1);
  });

  test('F1 a request and an answer of 3 MB pass, and one above the bound is an error', async () => {
    await startCluster(2, 1, protocols);
    const [first, second] = cluster.meshes;
    second!.serve('echo', (body) => Promise.resolve(body));
    const ask = async (bytes: number) =>
      (await first!.request([second!.nodeId], 'echo', 'x'.repeat(bytes), { timeoutMs: 60_000 })).get(second!.nodeId);
    expect(await ask(3_000_000)).toMatchObject({ ok: true });
    expect(await ask(maxFrameBytes)).toMatchObject({ ok: false, code: 'invalid' });
    expect(first!.status().peers).toBe(1);
  });

  test('R3 a revocation closes the open link, and none opens again', async () => {
    await startCluster(4, 3, protocols);
    await cluster.editor().edit((roster) => revokeNode(roster, cluster.members[3]!.node.id));
    await until(() => cluster.meshes.slice(0, 3).every((mesh) => mesh.status().size === 3));
    // It calls again and again, and nobody takes it.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(cluster.meshes.slice(0, 3).map((mesh) => mesh.status().size)).toEqual([3, 3, 3]);
  });
});

test('B2 B5 B7 a stream carries 20 MB each way over TLS, by a relay, as fast as its reader', async () => {
  // node1 and node3 have one link each, to node2.
  cluster = await TlsCluster.create(join(folder, 'ca'), { size: 3, firstPort });
  for (const index of [0, 1, 2]) await cluster.start(index, index === 1 ? 2 : 0);
  const [first, second, third] = cluster.meshes as [Mesh, Mesh, Mesh];
  await until(() => second.linkedIds().length === 2 && third.status().size === 3 && first.status().size === 3);
  // They may have found each other while node2 started.
  if (first.linkedIds().includes(third.nodeId)) first.hangup('node3');
  await until(() => first.topology().links.length === 2);
  third.streams.serve('echo', ({ accept }) => {
    const stream = accept();
    stream.pipe(stream);
  });
  const bytes = randomBytes(20_000_000);
  const stream = await first.streams.open(third.nodeId, 'echo', null);
  const sent = pipeline(Readable.from(piecesOf(bytes)), stream, { end: true });
  const hash = createHash('sha256');
  let read = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    read += (chunk as Buffer).length;
  }
  await sent;
  expect(read).toBe(bytes.length);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
});

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + Math.floor(Math.random() * 200_000);
    yield bytes.subarray(at, end);
    at = end;
  }
}

test('a port in use is named', async () => {
  await startCluster(1);
  const [{ identity } = {} as TlsMember] = cluster.members;
  const transport = new TlsTransport({ identity, port: firstPort, host: '127.0.0.1' }, { log: silentLog });
  await expect(transport.start(() => undefined)).rejects.toThrow(`mesh port ${firstPort} is in use`);
});

describe('a caller that is not a member gets nothing', () => {
  /** All bytes that a caller receives in 700 ms, and whether it was closed. */
  async function listen(socket: Socket): Promise<{ bytes: Buffer; closed: boolean }> {
    const chunks: Buffer[] = [];
    let closed = false;
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => (closed = true));
    await new Promise((resolve) => setTimeout(resolve, 700));
    socket.destroy();
    return { bytes: Buffer.concat(chunks), closed };
  }

  const tlsOptions = (): ConnectionOptions => ({ host: '127.0.0.1', port: firstPort, rejectUnauthorized: false });

  test('T1 a plain TCP caller hears no banner', async () => {
    await startCluster(2, 1);
    const socket = connectTcp(firstPort, '127.0.0.1');
    expect((await listen(socket)).bytes).toHaveLength(0);
  });

  test.each(['none', 'of another CA'])('T1 a TLS caller with a certificate %s', async (kind) => {
    await startCluster(2, 1);
    const other = await TlsCluster.create(join(folder, 'other'), { size: 1, firstPort });
    const identity = kind === 'none' ? null : other.members[0]!.identity;
    const socket = connectTls({
      ...tlsOptions(),
      ...(identity ? { key: identity.keyPem, cert: identity.certificatePem } : {}),
    });
    const heard = await listen(socket);
    expect(heard).toEqual({ bytes: Buffer.alloc(0), closed: true });
  });

  test('T4 a certificate of the cluster whose node is not in the roster', async () => {
    await startCluster(2, 1);
    const { identity } = await cluster.issue('node9', firstPort + 9);
    const socket = connectTls({ ...tlsOptions(), key: identity.keyPem, cert: identity.certificatePem });
    expect(await listen(socket)).toEqual({ bytes: Buffer.alloc(0), closed: true });
  });

  test('T1 TLS 1.2 is not spoken', async () => {
    await startCluster(2, 1);
    const { identity } = cluster.members[1]!;
    const error = await new Promise<Error | null>((resolve) => {
      const socket = connectTls({
        ...tlsOptions(),
        key: identity.keyPem,
        cert: identity.certificatePem,
        maxVersion: 'TLSv1.2',
      });
      socket.on('error', resolve);
      socket.on('secureConnect', () => {
        resolve(null);
      });
    });
    expect(error?.message).toMatch(/protocol version/);
  });

  test('T5 a session cannot be resumed', async () => {
    await startCluster(2, 1);
    const { identity } = cluster.members[1]!;
    const options = { ...tlsOptions(), key: identity.keyPem, cert: identity.certificatePem };
    const sessions: Buffer[] = [];
    const first = connectTls(options);
    first.on('session', (session: Buffer) => sessions.push(session));
    await listen(first);
    const [session] = sessions;
    const second = connectTls({ ...options, ...(session ? { session } : {}) });
    await new Promise((resolve) => second.once('secureConnect', resolve));
    const isReused = second.isSessionReused();
    second.destroy();
    expect(isReused).toBe(false);
  });

  test('T3 the bytes on the wire name no node, no context and no command', async () => {
    await startCluster(1);
    const seen: Buffer[] = [];
    const proxy = createTcpServer((socket) => {
      const upstream = connectTcp(firstPort, '127.0.0.1');
      for (const [from, to] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        from.on('data', (chunk: Buffer) => {
          seen.push(chunk);
          to.write(chunk);
        });
        from.on('close', () => to.destroy());
        from.on('error', () => undefined);
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    // node2's roster says that node1 listens where the proxy does.
    const { port } = proxy.address() as AddressInfo;
    const late = await cluster.issue('node2', firstPort + 1);
    const transport = new TlsTransport(
      { identity: late.identity, port: firstPort + 1, host: '127.0.0.1' },
      { log: silentLog },
    );
    const opened = await new Promise<Connection>((resolve, reject) => {
      transport.dial({ host: '127.0.0.1', port }, 60_000, {
        onOpen: resolve,
        onError: (message) => {
          reject(new Error(message));
        },
      });
    });
    opened.handle({ onFrame: () => undefined, onClose: () => undefined });
    opened.send(Buffer.from('\u0001{"context":"secretcontext","command":"mesh send all host","name":"node1"}'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    opened.close('done');
    proxy.close();
    const text = Buffer.concat(seen).toString('latin1');
    expect(text.length).toBeGreaterThan(1_000);
    expect(text).not.toMatch(/node1|node2|secretcontext|mesh send|host/);
  });

  test('T6 1,000 half-open handshakes from 50 addresses, renewed as they end, keep no member from joining', async () => {
    await startCluster(1);
    const sockets = new Set<ReturnType<typeof connectTcp>>();
    let isOver = false;
    const flood = (localAddress: string) => {
      if (isOver) return;
      const socket = connectTcp({ host: '127.0.0.1', port: firstPort, localAddress });
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        setTimeout(() => flood(localAddress), 20);
      });
    };
    for (let i = 0; i < 1_000; i += 1) flood(`127.0.9.${(i % 50) + 1}`);
    await until(() => sockets.size >= 900, 60_000);
    const { identity } = await cluster.issue('node2', firstPort + 1);
    const transport = new TlsTransport({ identity, port: firstPort + 1, host: '127.0.0.1' }, { log: silentLog });
    for (let round = 0; round < 5; round += 1) {
      const outcome = await new Promise<string>((resolve) => {
        transport.dial({ host: '127.0.0.1', port: firstPort }, 20_000, {
          onOpen: (connection) => {
            connection.handle({ onFrame: () => undefined, onClose: () => undefined });
            connection.close('done');
            resolve('open');
          },
          onError: resolve,
        });
      });
      expect(outcome).toBe('open');
    }
    isOver = true;
    for (const socket of sockets) socket.destroy();
  });

  test('T6 callers without a certificate are bounded per address', async () => {
    await startCluster(1);
    const sockets = Array.from({ length: maxStrangersPerAddress + 8 }, () => connectTcp(firstPort, '127.0.0.1'));
    let closed = 0;
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.on('close', () => (closed += 1));
    }
    await until(() => closed === 8);
    for (const socket of sockets) socket.destroy();
    // Room again once they are gone.
    await until(() => closed === sockets.length);
    const again = connectTcp(firstPort, '127.0.0.1');
    const heard = await listen(again);
    expect(heard.closed).toBe(false);
  });
});
