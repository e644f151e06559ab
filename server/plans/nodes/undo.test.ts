// What an undo may not take from a node that is in a cluster by then. Each is refused before anything is asked of the node:
// these machines do not exist.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Plan, Step } from '../../../contract/plans.ts';
import { AddNodesForm, planAddNodes } from '../../../core/plans/nodes/add-nodes.ts';
import { DeployForm, planDeploy } from '../../../core/plans/nodes/deploy.ts';
import { planReplaceNode } from '../../../core/plans/nodes/manage-nodes.ts';
import type { StoredHost } from '../../ports.ts';
import type { StepContext } from '../../runs/executor.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { SshExecutor } from '../executor.ts';
import { servedKinds } from '../kinds.ts';

const context = { id: 'p1', nowMs: 1 };
const target = (name: string) => ({ name, address: name, port: 22, user: 'root' });
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
let store = createMemoryStore();
let reloads = 0;

const hostRecord = (name: string, parts: Partial<StoredHost> = {}): StoredHost => ({
  id: name,
  name,
  addresses: [name],
  port: 22,
  user: 'root',
  needsSudo: false,
  keyId: 'k1',
  pins: ['ssh-ed25519 NEW'],
  cluster: '',
  nodeId: null,
  isHead: false,
  addedAt: 1,
  facts: null,
  ...parts,
});

beforeEach(() => {
  store = createMemoryStore();
  reloads = 0;
});

/** Undoes one step of a plan, with what its steps left as their results. */
async function undo(plan: Plan, key: string, results: Record<string, Record<string, unknown>> = {}) {
  const executor = new SshExecutor({
    hosts: store.hosts,
    keys: store.keys,
    own: () => Promise.resolve({ keys: [], unusable: [] }),
    log,
    local: 'root@console',
    login: () => Promise.reject(new Error('nobody logs in here')),
    isOver: () => Promise.resolve(false),
    parts: {
      store,
      fleet: { reload: () => Promise.resolve(void (reloads += 1)) },
      commands: { run: () => Promise.reject(new Error('no commands here')) },
      programPath: '/nowhere',
      now: () => 1,
      createId: () => 'new',
      host: 'console',
    },
    kinds: servedKinds,
  });
  const step = plan.steps.find((each) => each.key === key) as Step;
  const session = executor.open({ id: 'r1', plan, holder: 'Ann' });
  const context: StepContext = {
    step,
    plan,
    run: 'r1',
    attempt: 1,
    isResumed: false,
    signal: AbortSignal.timeout(60_000),
    secret: () => undefined,
    dropSecret: () => undefined,
    log: () => undefined,
    progress: () => undefined,
    listen: () => undefined,
    resultOf: (of) => results[of] ?? {},
  };
  try {
    return await session.undo(context);
  } finally {
    await session.close();
  }
}

const shown = { line: 'ssh-ed25519 NEW', type: 'ssh-ed25519', fingerprint: 'SHA256:new' };
const sighting = {
  name: 'node2',
  address: 'node2',
  keys: [shown],
  pinned: [],
  isKeyProved: false,
  ownKey: null,
  error: '',
};

describe('undo of add-nodes', () => {
  const form = AddNodesForm.parse({ nodes: 'node2', allowRootKey: true, disablePasswords: true });
  const plan = planAddNodes(
    form,
    { sightings: [{ ...sighting, pin: 'unknown' }], publicKey: 'ssh-ed25519 KEY', keyId: 'k1' },
    context,
  );

  test.each(['pinHostKey', 'ensureKey', 'ensureRootKeyLogin', 'ensurePasswordLoginOff'])(
    '%s is refused on a node that was deployed since',
    async (verb) => {
      const host = hostRecord('node2', { cluster: 'c1', nodeId: 'n2' });
      await store.hosts.put(host);
      await expect(undo(plan, `${verb} node2`)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('meshdeck nodes remove node2') as string,
      });
      expect(await store.hosts.list()).toEqual([host]);
    },
  );

  test('a node that joined nothing is forgotten', async () => {
    await store.hosts.put(hostRecord('node2'));
    expect(await undo(plan, 'pinHostKey node2')).toMatchObject({ changed: true });
    expect(await store.hosts.list()).toEqual([]);
    expect(reloads).toBe(1);
  });
});

test('undo of replace-node gives back the pins and the key that the console had', async () => {
  const old = hostRecord('node2', { pins: ['ssh-ed25519 OLD'], keyId: 'k0', user: 'root' });
  const plan = planReplaceNode(
    { node: 'node2', confirm: 'node2', user: 'debian', port: 22, login: 'password' },
    { sighting: { ...sighting, pin: 'changed' }, publicKey: 'ssh-ed25519 KEY', keyId: 'k1', was: old },
    context,
  );
  await store.hosts.put({ ...old, pins: ['ssh-ed25519 NEW'], keyId: null, facts: { newer: true } });
  expect(await undo(plan, 'pinHostKey node2')).toMatchObject({ changed: true });
  expect(await store.hosts.list()).toEqual([{ ...old, facts: { newer: true } }]);
});

describe('undo of deploy', () => {
  const seen = (name: string) => ({
    target: target(name),
    addresses: [name],
    program: 'none' as const,
    hasRuntime: false,
    isRunning: false,
    hasIdentity: false,
    isRegistered: false,
    error: '',
  });
  const plan = planDeploy(
    DeployForm.parse({ head: 'node1', nodes: 'node2' }),
    { head: seen('node1'), others: [seen('node2')], version: '', programHash: 'h', sendBytes: 1 },
    context,
  );
  const results = { 'registerCluster node1': { cluster: 'c1' } };

  test('leaves a node alone that is of another cluster by now', async () => {
    await store.hosts.put(hostRecord('node2', { cluster: 'c2' }));
    await expect(undo(plan, 'ensureMeshd node2', results)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('does not forget a cluster that is another one by now, nor take its head away', async () => {
    const head = hostRecord('node1', { cluster: 'c2', isHead: true });
    await store.hosts.put(head);
    await expect(undo(plan, 'registerCluster node1', results)).rejects.toMatchObject({ code: 'conflict' });
    await expect(undo(plan, 'ensureHeadService node1')).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.hosts.list()).toEqual([head]);
  });
});
