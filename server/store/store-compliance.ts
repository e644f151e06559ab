// What every store must do, run against SQLite and its twin in memory alike.
import { expect, it } from 'vitest';
import type { Plan, StepView } from '../../contract/plans.ts';
import type { StoredHost, StoredKey, StoredRun } from '../ports.ts';
import type { ConsoleStore } from './types.ts';

const plan: Plan = {
  id: 'p1',
  kind: 'deploy',
  title: 'Deploy node[1-2]',
  createdAt: 1_000,
  steps: [],
  waves: [['node1', 'node2']],
  onFailure: 'skip-node',
  command: 'meshdeck deploy node[1-2]',
  secrets: [],
  warnings: [],
};
const run = (id: string, change: Partial<StoredRun> = {}): StoredRun => ({
  id,
  plan,
  state: 'running',
  startedBy: 'Ann',
  startedAt: 1_700_000_000_123,
  endedAt: null,
  missingSecrets: [],
  memo: { undoing: false },
  ...change,
});
const step = (key: string, state: StepView['state']): StepView => ({
  key,
  state,
  startedAt: 5,
  endedAt: null,
  error: '',
  result: { found: ['a', 1, null] },
});
const host = (id: string, name: string): StoredHost => ({
  id,
  name,
  addresses: ['10.0.0.1', 'fd00::1'],
  port: 22,
  user: 'root',
  needsSudo: false,
  keyId: null,
  pins: ['ssh-ed25519 AAAA'],
  cluster: '',
  nodeId: null,
  isHead: false,
  addedAt: 7,
  facts: { os: 'Debian', nested: { deep: [1, 2] } },
});
const key: StoredKey = { id: 'k1', label: 'console', publicKey: 'ssh-ed25519 AAAA', privateKey: 'SECRET', addedAt: 9 };

export function describeStore(open: () => Promise<ConsoleStore>): void {
  it('gives a run back as it was put in, and changes only what is named', async () => {
    const { runs } = await open();
    await runs.create(run('r1'));
    await runs.update('r1', { state: 'asking', missingSecrets: ['password:root@node1'] });
    await runs.update('r1', { memo: { undoing: true } });
    expect(await runs.get('r1')).toEqual(
      run('r1', { state: 'asking', missingSecrets: ['password:root@node1'], memo: { undoing: true } }),
    );
    expect(await runs.get('r2')).toBeNull();
    await expect(runs.update('r2', { state: 'done' })).rejects.toThrow('no run r2');
  });

  it('changes a run and its steps together', async () => {
    const { runs } = await open();
    await runs.create(run('r1', { state: 'failed', endedAt: 5 }));
    await runs.putSteps('r1', [step('a', 'failed'), step('b', 'done')]);
    await runs.update('r1', { state: 'running', endedAt: null }, [step('a', 'waiting')]);
    expect(await runs.get('r1')).toEqual(run('r1'));
    expect(await runs.steps('r1')).toEqual([step('a', 'waiting'), step('b', 'done')]);
    await expect(runs.update('r2', { state: 'done' }, [step('a', 'done')])).rejects.toThrow();
    expect(await runs.steps('r2')).toEqual([]);
  });

  it('lists runs newest first and unfinished ones oldest first', async () => {
    const { runs } = await open();
    await runs.create(run('old', { startedAt: 1 }));
    await runs.create(run('ended', { startedAt: 2, endedAt: 3, state: 'done' }));
    await runs.create(run('new', { startedAt: 4 }));
    expect((await runs.list(2)).map(({ id }) => id)).toEqual(['new', 'ended']);
    // Without the plans, which are megabytes.
    const { plan: _, ...listed } = run('new', { startedAt: 4 });
    expect((await runs.list(1))[0]).toEqual(listed);
    expect((await runs.unfinished()).map(({ id }) => id)).toEqual(['old', 'new']);
  });

  it('lists the runs on one node, however old', async () => {
    const { runs } = await open();
    const on = (...nodes: string[]) => ({ memo: { digest: { nodes } } });
    await runs.create(run('first', { startedAt: 1, ...on('node1', 'node2') }));
    await runs.create(run('second', { startedAt: 2, ...on('node2') }));
    await runs.create(run('other', { startedAt: 3, ...on('node10', 'x"node1"') }));
    await runs.create(run('old shape', { startedAt: 4, memo: null }));
    const ids = async (limit: number, node: string) => (await runs.list(limit, node)).map(({ id }) => id);
    expect(await ids(10, 'node2')).toEqual(['second', 'first']);
    expect(await ids(1, 'node2')).toEqual(['second']);
    expect(await ids(10, 'node1')).toEqual(['first']);
    expect(await ids(10, "node' OR 1=1 --")).toEqual([]);
  });

  it('keeps the last view of each step', async () => {
    const { runs } = await open();
    await runs.create(run('r1'));
    await runs.putSteps('r1', [step('a', 'running'), step('b', 'waiting')]);
    await runs.putSteps('r1', [step('a', 'done')]);
    const steps = await runs.steps('r1');
    expect(steps.sort((a, b) => a.key.localeCompare(b.key))).toEqual([step('a', 'done'), step('b', 'waiting')]);
    expect(await runs.steps('r2')).toEqual([]);
    await expect(runs.putSteps('r2', [step('a', 'done')])).rejects.toThrow();
  });

  it('gives the last log lines, oldest first', async () => {
    const { runs } = await open();
    await runs.create(run('r1'));
    const line = (at: number) => ({ at, step: 's', node: 'node1', text: `line ${at}\n<b>` });
    await runs.appendLog('r1', [line(1), line(2)]);
    await runs.appendLog('r1', []);
    await runs.appendLog('r1', [line(3)]);
    expect(await runs.log('r1', 2)).toEqual([line(2), line(3)]);
  });

  it('keeps hosts by id, sorted by name', async () => {
    const { hosts } = await open();
    await hosts.put(host('h2', 'node1'));
    await hosts.put(host('h1', 'node2'));
    await hosts.put({ ...host('h2', 'node1'), pins: [], cluster: 'c1' });
    expect(await hosts.list()).toEqual([{ ...host('h2', 'node1'), pins: [], cluster: 'c1' }, host('h1', 'node2')]);
    await hosts.remove('h2');
    await hosts.remove('h2');
    expect((await hosts.list()).map(({ id }) => id)).toEqual(['h1']);
  });

  it('changes a host from what it is by then, one after another', async () => {
    const { hosts } = await open();
    await hosts.put(host('h1', 'node1'));
    await hosts.put(host('h2', 'node2'));
    // Two that each claim a name nobody else has: the second sees the first's.
    const claim = (id: string) =>
      hosts.update(id, async (record) => {
        if ((await hosts.list()).some(({ name }) => name === 'twin')) throw new Error('taken');
        return { ...record, name: 'twin' };
      });
    const claims = await Promise.allSettled([claim('h1'), claim('h2')]);
    expect(claims.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    await Promise.all([
      hosts.update('h2', (record) => ({ ...record, cluster: 'c1' })),
      hosts.update('h2', (record) => ({ ...record, nodeId: 'n2' })),
    ]);
    expect(await hosts.list()).toEqual([{ ...host('h2', 'node2'), cluster: 'c1', nodeId: 'n2' }, host('h1', 'twin')]);
    expect(await hosts.update('h3', (record) => record)).toBeNull();
  });

  it('reports each change of a host once it can be read, until nobody listens', async () => {
    const { hosts } = await open();
    const heard: unknown[] = [];
    const stop = hosts.onChanged((id, changed) => heard.push([id, changed?.name ?? null]));
    await hosts.put(host('h1', 'node1'));
    await hosts.update('h1', (record) => ({ ...record, name: 'node9' }));
    await hosts.update('h2', (record) => record);
    await hosts.remove('h1');
    stop();
    await hosts.put(host('h2', 'node2'));
    expect(heard).toEqual([
      ['h1', 'node1'],
      ['h1', 'node9'],
      ['h1', null],
    ]);
  });

  it('keeps keys, and lists them without their private half', async () => {
    const { keys } = await open();
    await keys.put(key);
    expect(await keys.get('k1')).toEqual(key);
    expect(await keys.list()).toEqual([{ id: 'k1', label: 'console', publicKey: 'ssh-ed25519 AAAA', addedAt: 9 }]);
    await keys.remove('k1');
    expect(await keys.get('k1')).toBeNull();
  });

  it('searches and pages through the audit log', async () => {
    const { audit } = await open();
    for (const at of [1, 2, 3, 4]) {
      const what = at % 2 === 0 ? 'vm kill Web1' : 'mesh degree 3';
      await audit.append({ at, who: 'Ann', what, where: `node${at}`, result: 'ok', message: '' }, 'use');
    }
    const [last] = await audit.list({ before: null, limit: 1, text: '' });
    expect(last).toMatchObject({ at: 4, where: 'node4', result: 'ok' });
    expect((await audit.list({ before: last!.id, limit: 9, text: 'web' })).map(({ at }) => at)).toEqual([2]);
    expect((await audit.list({ before: null, limit: 9, text: 'node3' })).map(({ at }) => at)).toEqual([3]);
    expect(await audit.list({ before: null, limit: 9, text: '100%' })).toEqual([]);
  });

  it('keeps what admins did, however many other entries there are', async () => {
    const store = await open();
    const entry = { at: 1, who: 'Ann', what: 'x', where: 'console', result: 'ok', message: '' } as const;
    await store.audit.append({ ...entry, what: 'remove the user' }, 'act');
    for (let at = 1; at <= 20; at += 1) await store.audit.append({ ...entry, at, who: 'Eve' }, 'use');
    const kept = { auditEntries: { act: 2, use: 3 }, runs: 1, runLogs: 1 };
    await store.prune(kept, new AbortController().signal);
    const left = await store.audit.list({ before: null, limit: 99, text: '' });
    expect(left.map(({ what, at }) => [what, at])).toEqual([
      ['x', 20],
      ['x', 19],
      ['x', 18],
      ['remove the user', 1],
    ]);
  });

  it('prunes to the newest, never a run that is not over, and gives no id twice', async () => {
    const store = await open();
    const { runs, audit } = store;
    const ended = { state: 'done', endedAt: 9 } as const;
    for (const [at, id] of ['r1', 'open', 'r3', 'r4', 'r5'].entries()) {
      await runs.create(run(id, { startedAt: 1_000 + at, ...(id === 'open' ? {} : ended) }));
      await runs.putSteps(id, [step('a', 'done')]);
      await runs.appendLog(id, [{ at: 1, step: 'a', node: 'n', text: 'said' }]);
    }
    const entry = { who: 'Ann', what: 'x', where: 'console', result: 'ok', message: '' } as const;
    for (let at = 1; at <= 4; at += 1) await audit.append({ ...entry, at }, 'act');
    await store.prune({ auditEntries: { act: 3, use: 3 }, runs: 3, runLogs: 2 }, new AbortController().signal);
    expect((await runs.list(10)).map(({ id }) => id)).toEqual(['r5', 'r4', 'r3', 'open']);
    expect(await runs.steps('r1')).toEqual([]);
    expect(await runs.steps('r3')).toHaveLength(1);
    const logs = await Promise.all(['r5', 'r4', 'r3', 'open', 'r1'].map((id) => runs.log(id, 10)));
    expect(logs.map((lines) => lines.length)).toEqual([1, 1, 0, 1, 0]);
    await store.prune({ auditEntries: { act: 0, use: 0 }, runs: 3, runLogs: 2 }, new AbortController().signal);
    await audit.append({ ...entry, at: 5 }, 'act');
    expect(await audit.list({ before: null, limit: 9, text: '' })).toMatchObject([{ at: 5, id: 5 }]);
  });

  it('hands a setting to one taker only', async () => {
    const { settings } = await open();
    expect(await settings.get('link')).toBeNull();
    await settings.put('link', 'a');
    await settings.put('link', 'b');
    expect(await settings.take('link', 'a')).toBe(false);
    const taken = await Promise.all([1, 2, 3].map(() => settings.take('link', 'b')));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await settings.get('link')).toBeNull();
  });
}
