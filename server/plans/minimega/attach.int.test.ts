// Attaching to a minimega over a real sshd: the plan, its step, the engine on the way that it remembers, and the undo.
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodes } from '../../../contract/cluster-kinds.ts';
import { createSshKeyPair } from '../../../host/ssh/keys.ts';
import { hasSshd, PrivateSshd } from '../../../host/ssh/private-sshd.ts';
import { DoubleMinimega } from '../../../lab/minimega/double.ts';
import { createEngines } from '../../engines/engines.ts';
import { sshRoute } from '../../engines/route.ts';
import type { StoredHost } from '../../ports.ts';
import type { StepContext } from '../../runs/executor.ts';
import { shellOf } from '../../ssh/stored-hosts.ts';
import { createMemoryStore } from '../../store/memory-store.ts';
import { createTestFleet } from '../../parts-for-tests.ts';
import type { ActionParts } from '../action.ts';
import { attachPlan } from './attach.ts';

const signal = AbortSignal.timeout(60_000);
const planning = { secrets: {}, signal, context: { id: 'p1', nowMs: 1_000 } };
const commands = { run: () => Promise.reject(new Error('no line is run here')) };

// It logs in as root: what the console does everywhere.
describe.skipIf(!hasSshd || userInfo().uid !== 0)('a minimega behind sshd', () => {
  const store = createMemoryStore();
  let sshd: PrivateSshd;
  let double: DoubleMinimega;
  let folder = '';
  const plan = (form: Record<string, unknown>) =>
    attachPlan.plan(
      { ...planning, form },
      { store, fleet: createTestFleet(), commands, programPath: '', host: 'here' },
    );
  const host = async (): Promise<StoredHost> => {
    const found = (await store.hosts.list()).find(({ name }) => name === 'node1');
    if (!found) throw new Error('the host is there');
    return found;
  };
  const run = async (call: { action: string; args: Record<string, unknown> } | null | undefined) => {
    let reloads = 0;
    const parts = {
      store,
      now: () => 5,
      fleet: { reload: () => Promise.resolve(void (reloads += 1)) },
      sessions: { shell: async () => shellOf(await host(), store, signal), hostOf: () => host() },
    } as unknown as ActionParts;
    const context = { signal, log: () => undefined } as unknown as StepContext;
    const outcome = await attachPlan.actions.get(call?.action ?? '')?.run(call?.args, context, parts);
    expect(reloads).toBe(1);
    return outcome;
  };

  beforeAll(async () => {
    sshd = await PrivateSshd.start({ hostKeys: ['ed25519'] });
    const pair = createSshKeyPair('console');
    await appendFile(join(sshd.folder, 'authorized_keys'), `${pair.publicKey}\n`);
    folder = await mkdtemp(join(tmpdir(), 'double-'));
    double = await DoubleMinimega.start({ folder, names: ['node1', 'node2'] });
    await store.keys.put({ id: 'console', label: 'console', ...pair, addedAt: 1 });
    await store.hosts.put({
      ...{ id: 'h1', name: 'node1', addresses: ['127.0.0.1'], port: sshd.port, user: 'root', needsSudo: false },
      ...{ keyId: 'console', cluster: '', nodeId: null, isHead: false, addedAt: 1, facts: { findings: [] } },
      pins: sshd.hostKeys.map(({ type, key }) => `${type} ${key.toString('base64')}`),
    });
  });
  afterAll(async () => {
    await double.stop();
    await sshd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('is not attached to where it does not answer, or is another one', async () => {
    await expect(plan({ nodes: 'node1', base: join(folder, 'none') })).rejects.toMatchObject({
      message: expect.stringMatching(/no minimega answers: .*none/) as string,
      detail: { field: 'nodes' },
    });
    const other = { nodes: 'node1', base: double.baseOf('node1'), context: 'jane' };
    await expect(plan(other)).rejects.toMatchObject({ detail: { field: 'context' } });
    await expect(plan({ nodes: 'node9' })).rejects.toMatchObject({ detail: { field: 'nodes' } });
  });

  test('is attached to, followed over SSH, and let go of', async () => {
    const made = await plan({ nodes: 'node1', base: double.baseOf('node1') });
    expect(made.steps.map(({ key }) => key)).toEqual(['attachNode node1']);
    expect(made.warnings.join(' ')).toMatch(/root on all its nodes.*60 seconds/);
    const [step] = made.steps;
    expect(await run(step?.do)).toMatchObject({ changed: true, result: { version: 'minimega 3.1.0', size: 2 } });
    const [cluster] = await store.clusters.list();
    expect(cluster).toMatchObject({ id: 'minimega-p1', context: 'john', engine: 'minimega' });
    expect(await host()).toMatchObject({ cluster: 'minimega-p1', facts: { findings: [] } });

    const { minimega } = createEngines({ version: 'test' }, { keys: store.keys });
    const open = () => minimega?.open(sshRoute(sshdHost), { timeoutMs: 20_000, signal });
    const sshdHost = await host();
    const connection = await open();
    for await (const { begins, rows } of connection?.changes([nodes]) ?? []) {
      expect(begins).toEqual({ mesh: 'minimega-p1', context: 'john', self: 'minimega-p1.node1' });
      expect(rows['nodes']?.put.map(({ Name }) => Name)).toEqual(['node1', 'node2']);
      break;
    }
    // A console of a VM, through sshd to its socket.
    for await (const answer of (await open())?.run('vm launch kvm web1') ?? [])
      expect(answer.Resp?.[0]?.Error).toBe('');
    const screen = await (
      await open()
    )?.stream({ node: '', service: 'vnc', args: { vm: 0, input: false } }, { deadline: signal });
    const [greeting] = (await screen?.take(1).toArray()) as Buffer[];
    expect(greeting?.toString()).toBe('RFB 003.008\n');
    minimega?.close();

    // A second look finds the same cluster.
    const again = await plan({ nodes: 'node1', base: double.baseOf('node1') });
    expect(again.steps[0]?.do.args['cluster']).toBe('minimega-p1');
    await run(step?.undo);
    expect(await store.clusters.list()).toEqual([]);
    expect(await host()).toMatchObject({ cluster: '', facts: { findings: [] } });
  });
});
