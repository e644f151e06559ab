import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { admitNode } from '../../core/mesh/roster.ts';
import { createId, createKeyPair } from '../identity/certificates.ts';
import { ensureIdentity, loadIdentity, writeIdentity, type ClusterState } from '../identity/identity.ts';
import { RosterStore } from '../identity/roster-store.ts';
import { createSystemClock } from './clock.ts';
import { Mesh } from './mesh.ts';
import { TlsTransport } from './tls-transport.ts';

let folder: string;
const running: Mesh[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-test-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((mesh) => mesh.stop()));
  await rm(folder, { recursive: true, force: true });
});

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined };

async function until(isDone: () => boolean, timeoutMs = 10_000): Promise<void> {
  const start = performance.now();
  while (!isDone()) {
    if (performance.now() - start > timeoutMs) throw new Error('not within the time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function startMesh(identityFolder: string, port: number): Promise<Mesh> {
  const identity = await loadIdentity(identityFolder, new Date());
  const roster = await RosterStore.open({ path: join(identityFolder, 'roster.json'), caPem: identity.caPem });
  const mesh = new Mesh(
    { nodeId: identity.nodeId, degree: 3, checkMs: 10_000 },
    {
      transport: new TlsTransport({ identity, port, host: '127.0.0.1' }, { log: silent }),
      clock: createSystemClock(),
      random: Math.random,
      roster,
      log: silent,
    },
  );
  await mesh.start();
  running.push(mesh);
  return mesh;
}

async function createHead(): Promise<ClusterState> {
  return ensureIdentity(join(folder, 'node1'), {
    name: 'node1',
    context: 'lab',
    port: 42_001,
    addresses: ['127.0.0.1'],
    now: new Date(),
    create: true,
  });
}

async function admit(head: ClusterState, number: number): Promise<string> {
  if (!head.head) throw new Error('not the head');
  const id = createId();
  const keys = createKeyPair();
  const issued = await head.head.authority.issue({ nodeId: id, publicKey: keys.publicKeyPem });
  await head.head.editor.edit((roster) =>
    admitNode(roster, {
      id,
      name: `node${number}`,
      addresses: ['127.0.0.1'],
      port: 42_000 + number,
      keyHash: issued.keyHash,
      state: 'member',
    }),
  );
  const path = join(folder, `node${number}`, 'identity');
  await writeIdentity(path, {
    keyPem: keys.privateKeyPem,
    certificatePem: issued.certificatePem,
    caPem: head.identity.caPem,
    roster: head.roster.signed,
  });
  return path;
}

test('T1 F1 M1 four nodes over TLS become one mesh and answer each other', async () => {
  const head = await createHead();
  const folders = [join(folder, 'node1', 'identity')];
  for (const number of [2, 3, 4]) folders.push(await admit(head, number));
  const meshes: Mesh[] = [];
  for (const [i, path] of folders.entries()) meshes.push(await startMesh(path, 42_001 + i));
  await until(() => meshes.every((mesh) => mesh.status().size === 4 && mesh.status().peers === 3));
  for (const mesh of meshes) {
    mesh.serve('echo', (body, { from }) => Promise.resolve({ body, from: from.name, at: mesh.nameOf(mesh.nodeId) }));
  }
  const [first] = meshes;
  const answers = await first!.request(first!.memberIds(), 'echo', 'hi', { timeoutMs: 5_000 });
  expect([...answers.values()].map((answer) => answer.ok && (answer.body as { at: string }).at).sort()).toEqual([
    'node1',
    'node2',
    'node3',
    'node4',
  ]);
  expect(JSON.stringify(meshes[3]!.topology())).toBe(JSON.stringify(first!.topology()));
});
