// The `ns` commands on three nodes in one process: texts and columns, roles, and the same answers on each.
import { beforeEach, expect, test, vi } from 'vitest';
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { assertAllowed } from '../../core/commands/authorise.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { commandTable } from '../../core/commands/table.ts';
import { Launches } from '../namespaces/launches.ts';
import type { Dispatcher } from './dispatcher.ts';
import { createMemoryCluster } from './memory-cluster.ts';

let cluster: Map<string, Dispatcher>;
beforeEach(async () => {
  cluster = await createMemoryCluster({ names: ['node1', 'node2', 'node3'], handlers: () => ({}) });
});

async function run(line: string, host = 'node1'): Promise<ResponseEntry> {
  const dispatcher = cluster.get(host);
  if (!dispatcher) throw new Error(`no ${host}`);
  const options = { signal: new AbortController().signal, status: () => undefined };
  for await (const { Resp } of dispatcher.execute(dispatcher.session(), line, { via: 'socket' }, options)) {
    if (Resp?.[0]) return Resp[0];
  }
  throw new Error('no answer');
}

/** What one node writes, the others have soon. */
async function shows(host: string, line: string, response: string): Promise<void> {
  await vi.waitFor(async () => expect((await run(`namespace exp ${line}`, host)).Response).toBe(response), 60_000);
}

test('hosts are added and taken out, and every node shows them', async () => {
  expect(await run('namespace exp ns hosts')).toMatchObject({
    Host: 'node1',
    Response: 'node[2-3]',
    Header: null,
    Data: null,
  });
  await run('namespace exp ns add-hosts localhost');
  await shows('node3', 'ns hosts', 'node[1-3]');
  await run('namespace exp ns del-hosts node1,node3', 'node2');
  await shows('node1', 'ns hosts', 'node2');
  await run('namespace exp ns del-hosts all');
  await shows('node3', 'ns hosts', '');
  await run('namespace exp ns add-hosts all', 'node3');
  await shows('node1', 'ns hosts', 'node[1-2]');
});

test('the default namespace is of each node', async () => {
  expect((await run('ns hosts')).Response).toBe('node1');
  await run('ns add-hosts node2');
  expect((await run('ns hosts')).Response).toBe('node[1-2]');
  expect((await run('ns hosts', 'node2')).Response).toBe('node2');
});

test('hosts that do not exist are an error, and nothing is changed', async () => {
  expect((await run('namespace exp ns add-hosts node9')).Error).toBe('unknown host: `node9`');
  expect((await run('namespace exp ns del-hosts node2,node[7-9]')).Error).toBe('unknown host: `node7` and 2 more');
  expect((await run('namespace exp ns add-hosts node[3-1]')).Error).not.toBe('');
  expect((await run('namespace exp ns add-hosts node2-9')).Error).toContain('node[2-9]');
  expect((await run('namespace exp ns hosts')).Response).toBe('node[2-3]');
});

test('the load is one of three, and every node shows it', async () => {
  expect((await run('namespace exp ns load')).Response).toBe('cpucommit');
  expect((await run('namespace exp ns load memcommit')).Error).toBe('');
  await shows('node2', 'ns load', 'memcommit');
  expect((await run('ns load')).Response).toBe('cpucommit');
  expect((await run('ns load bogus')).Error).toBe('invalid command: `ns load bogus`');
});

test('who may only look may not change hosts or load', () => {
  const isAllowed = (line: string) => {
    const parsed = parseCommand(commandTable, line);
    if (!parsed.ok || !parsed.command) throw new Error(line);
    try {
      assertAllowed(parsed.command, { via: 'socket', role: 'viewer' });
      return true;
    } catch {
      return false;
    }
  };
  expect(['ns hosts', 'ns load', 'ns schedule status'].map(isAllowed)).toEqual([true, true, true]);
  const changes = ['ns add-hosts a', 'ns del-hosts a', 'ns load netcommit', 'clear namespace x', 'clear all'];
  expect(changes.map(isAllowed)).toEqual([false, false, false, false, false]);
});

test('launches are shown with what came of them, the newest hundred of a namespace', async () => {
  expect(await run('ns schedule status')).toMatchObject({
    Header: ['start', 'end', 'state', 'launched', 'failures', 'total', 'hosts'],
    Tabular: null,
  });
  let now = Date.UTC(2026, 10, 29, 13, 5);
  const launches = new Launches(() => now);
  const end = launches.begin('exp', { total: 5, hosts: 2 });
  expect(launches.of('exp')).toMatchObject([{ state: 'launching', endedAt: null, total: 5, hosts: 2 }]);
  now += 60_000;
  end({ launched: 4, failures: 1 });
  expect(launches.of('exp')).toMatchObject([{ state: 'completed', endedAt: now, launched: 4, failures: 1 }]);
  expect(launches.of('other')).toEqual([]);
  for (let at = 0; at < 100; at += 1) launches.begin('exp', { total: at, hosts: 1 });
  end({ launched: 0, failures: 0 });
  expect(launches.of('exp')).toHaveLength(100);
  expect(launches.of('exp')[0]).toMatchObject({ total: 0, state: 'launching' });
});
