// Which key of the console a plan puts on a node, against a real sshd.
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canSign, createSshKeyPair } from '../../../host/ssh/keys.ts';
import { hasSshd, PrivateSshd } from '../../../host/ssh/private-sshd.ts';
import type { StoredHost } from '../../ports.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { createTestFleet } from '../../parts-for-tests.ts';
import type { ConsoleStore } from '../../store/types.ts';
import { newestConsoleKey } from '../../ssh/console-key.ts';
import type { ServedKind } from '../plan-kind.ts';
import { addNodesPlan } from './add-nodes.ts';
import { removeNodePlan } from './remove-node.ts';
import { rotateKeyPlan } from './rotate-key.ts';

const host: StoredHost = {
  id: 'h1',
  name: 'node1',
  addresses: ['127.0.0.1'],
  port: 22,
  user: 'root',
  needsSudo: false,
  keyId: 'console',
  pins: [],
  cluster: '',
  nodeId: null,
  isHead: false,
  addedAt: 1,
  facts: null,
};

const planning = { secrets: {}, signal: new AbortController().signal, context: { id: 'p1', nowMs: 1_000 } };
const commands = { run: () => Promise.reject(new Error('no line is run here')) };
const plan = (kind: ServedKind, store: ConsoleStore, form: Record<string, unknown>) =>
  kind.plan({ ...planning, form }, { store, fleet: createTestFleet(), commands, programPath: '', host: 'here' });

test('a plan of a new key leaves no key behind', async () => {
  const store = createMemoryStore();
  await store.keys.put({ id: 'console', label: 'x', ...createSshKeyPair('x'), addedAt: 1 });
  await store.hosts.put(host);
  const { steps } = await plan(rotateKeyPlan, store, { nodes: 'node1' });
  expect((await store.keys.list()).map(({ id }) => id)).toEqual(['console']);
  expect(steps.map(({ key }) => key)).toEqual([
    'ensureConsoleKey',
    'ensureKey node1',
    'proveKeyLogin node1',
    'removeOldKey node1',
  ]);
});

test('a console key that cannot sign is replaced', async () => {
  const store = createMemoryStore();
  const { privateKey, publicKey } = createSshKeyPair('x');
  const other = createSshKeyPair('x');
  // What a cut public half comes to: the two halves do not fit each other.
  const spoilt = { privateKey: privateKey.slice(0, 120), publicKey };
  await store.keys.put({ id: 'console', label: 'x', ...spoilt, addedAt: 1 });
  const key = await newestConsoleKey(store, { nowMs: 2, host: 'here' });
  expect(canSign(key.privateKey)).toBe(true);
  expect(await store.keys.get('console')).toMatchObject({ publicKey: key.publicKey, addedAt: 2 });

  await store.keys.put({ id: 'console', label: 'x', ...other, addedAt: 3 });
  expect((await newestConsoleKey(store, { nowMs: 4, host: 'here' })).publicKey).toBe(other.publicKey);
});

describe('nodes that leave', () => {
  const store = createMemoryStore();
  const remove = (nodes: string, confirm = nodes) => plan(removeNodePlan, store, { nodes, confirm });

  beforeAll(async () => {
    await store.clusters.put({ id: 'c', context: 'john', engine: 'meshd', socketPaths: [], addedAt: 1 });
    for (const at of [1, 2, 3]) {
      const place = { id: `h${at}`, name: `node${at}`, addresses: [`127.0.0.${at}`], port: 1 };
      await store.hosts.put({ ...host, ...place, cluster: 'c', isHead: at === 1 });
    }
  });

  test('a head stays with what stays of its cluster', async () => {
    await expect(remove('node[1-2]')).rejects.toMatchObject({
      message: expect.stringMatching(
        /node1 is the head .* node3 would stay: .* or remove all of it: node\[1-3\]/,
      ) as string,
      detail: { field: 'nodes' },
    });
    await expect(remove('node[1-3]', 'node1')).rejects.toMatchObject({ detail: { field: 'confirm' } });
  });

  test('a whole cluster goes, also when all of it is off', async () => {
    const { steps, warnings } = await remove(' node[1-3] ');
    expect(steps.map(({ key }) => key)).toEqual([
      'forgetHost node2',
      'forgetHost node3',
      'unregisterCluster node1',
      'forgetHost node1',
    ]);
    expect(warnings.join()).toContain('node[1-3] are not reached');
  });
});

// It logs in as root: what the console does everywhere.
describe.skipIf(!hasSshd || userInfo().uid !== 0)('a node that has a key of the console', () => {
  let sshd: PrivateSshd;
  const store = createMemoryStore();
  const own = createSshKeyPair('own');
  const newer = createSshKeyPair('newer');
  const keysOf = async (port: number, nodes = 'node1=127.0.0.1') => {
    const { steps } = await plan(addNodesPlan, store, { nodes, port });
    return steps.flatMap(({ do: { args } }) => args['keyId'] ?? args['publicKey'] ?? []);
  };

  beforeAll(async () => {
    sshd = await PrivateSshd.start({ config: ['ListenAddress 127.0.4.7'] });
    await appendFile(join(sshd.folder, 'authorized_keys'), `${own.publicKey}\n`);
    const pins = sshd.hostKeys.map(({ type, key }) => `${type} ${key.toString('base64')}`);
    await store.hosts.put({ ...host, port: sshd.port, pins });
    await store.keys.put({ id: 'console', label: 'own', ...own, addedAt: 1 });
    // Of a rotation that did not reach this node.
    await store.keys.put({ id: 'console-p0', label: 'newer', ...newer, addedAt: 2 });
  });
  afterAll(() => sshd.stop());

  test('keeps it when it is looked at again', async () => {
    expect(await keysOf(sshd.port)).toEqual([own.publicKey, 'console']);
  });

  test('keeps it while it is silent', async () => {
    expect(await keysOf(1)).toEqual([own.publicKey, 'console']);
  });

  test('a new node gets the newest that a node has', async () => {
    expect(await keysOf(sshd.port, 'node2=127.0.0.2')).toEqual([own.publicKey, 'console']);
    await store.hosts.put({ ...host, id: 'h3', name: 'node3', addresses: ['127.0.0.3'], keyId: 'console-p0' });
    expect(await keysOf(sshd.port, 'node2=127.0.0.2')).toEqual([newer.publicKey, 'console-p0']);
  });

  test('scans a block for machines that answer, and says why a named one does not', async () => {
    const form = { nodes: '127.0.4.0/22 node9=127.0.8.9', port: sshd.port };
    const { steps, warnings } = await plan(addNodesPlan, store, form);
    expect([...new Set(steps.map(({ node }) => node))]).toEqual(['127.0.4.7', 'node9']);
    expect(warnings.join()).toMatch(/node9: .*refuse/);
  });
});
