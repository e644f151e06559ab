import { beforeEach, expect, test } from 'vitest';
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { defaultConfig } from '../../core/vms/config.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { commandTable } from '../../core/commands/table.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { MemoryStore } from '../../host/images/memory-image-store.ts';
import { NamespaceSaves } from './namespace-saves.ts';

const call = { signal: new AbortController().signal, status: () => undefined };
let store: MemoryStore;
let ran: string[];
let lost: Partial<VmRecord>[];
/** Answers by host and line, in place of the usual ones. */
let broken: Map<string, string>;
let states: Record<string, string[][]>;
let saves: NamespaceSaves;

beforeEach(() => {
  store = new MemoryStore({ now: () => 0 });
  ran = [];
  lost = [];
  broken = new Map();
  states = {
    node1: [
      ['a', 'u1', 'RUNNING', ''],
      ['b', 'u2', 'BUILDING', ''],
    ],
    node2: [
      ['c', 'u3', 'RUNNING', ''],
      ['d', 'u4', 'QUIT', ''],
    ],
  };
  saves = new NamespaceSaves({
    hosts: () => ['node1', 'node2'],
    listed: () => [],
    lost: () => lost as VmRecord[],
    store,
    now: () => 0,
    runOn: (host, line) => Promise.resolve([answerOf(host, line)]),
  });
});

function answerOf(host: string, line: string): ResponseEntry {
  // Every line is a command that members may run.
  const parsed = parseCommand(commandTable, line);
  if (!parsed.ok || parsed.command?.pattern.reach !== 'mesh') throw new Error(`not for members: ${line}`);
  if (!/^vm (state|config)/.test(line)) ran.push(`${host}: ${line}`);
  const wrong = broken.get(`${host}: ${line}`);
  if (wrong !== undefined) return responseEntry(host, { Error: wrong });
  if (line === 'vm state all') return responseEntry(host, { Tabular: states[host] ?? [] });
  const networks = [{ bridge: 'mega_bridge', vlan: 'lan', mac: '02:00:00:00:00:07', driver: 'e1000', qinq: false }];
  const disks = [{ path: 'web.qcow2', interface: 'virtio' as const, cache: null }];
  return responseEntry(host, { Data: { ...defaultConfig, memory: 96, networks, disks, append: ['a b'] } });
}

test('all VMs stand still before the first is saved, each on its host, and the script launches them again', async () => {
  expect(saves.status('exp')).toEqual({ completed: 0, total: 0 });
  expect(await saves.save('exp', 'monday', call)).toEqual(['d']);
  expect(ran.slice(0, 2)).toEqual(['node1: vm stop a', 'node2: vm stop c']);
  expect(ran.slice(2).sort()).toEqual([
    'node1: vm save a monday/a',
    'node1: vm save b monday/b',
    'node2: vm save c monday/c',
  ]);
  expect(saves.status('exp')).toMatchObject({ completed: 3, total: 3 });
  const script = store.content('saved/monday/launch.mm')?.toString() ?? '';
  expect(script.split('\n').slice(0, 9)).toEqual([
    'clear vm config',
    'vm config memory 96',
    'vm config networks lan,02:00:00:00:00:07',
    'vm config schedule node1',
    'vm config state saved/monday/a.state',
    'vm config disks saved/monday/a.hdd,virtio',
    'vm config append "a b"',
    'vm launch kvm a',
    '',
  ]);
  for (const line of script.split('\n')) expect(parseCommand(commandTable, line)).toMatchObject({ ok: true });
});

test('with a VM that is lost, or a host that does not answer, nothing is done', async () => {
  lost = [{ name: 'c', host: 'node2' }];
  await expect(saves.save('exp', 'x', call)).rejects.toThrow('c cannot be saved: lost with node2. Nothing was saved');
  lost = [];
  broken.set('node2: vm state all', 'timed out');
  await expect(saves.save('exp', 'x', call)).rejects.toThrow('node2: timed out');
  states = { node1: [['a', 'u1', 'QUIT', '']] };
  broken.clear();
  await expect(saves.save('exp', 'x', call)).rejects.toThrow('no memory to save');
  expect(ran).toEqual([]);
  expect(store.content('saved/x/launch.mm')).toBeNull();
});

test('when one VM cannot be saved, those that ran run again, and there is no script', async () => {
  broken.set('node2: vm save c x/c', 'the disk is full');
  await expect(saves.save('exp', 'x', call)).rejects.toThrow('node2: the disk is full');
  expect(ran.slice(-2).sort()).toEqual(['node1: vm start a', 'node2: vm start c']);
  expect(store.content('saved/x/launch.mm')).toBeNull();
  expect(store.unfinished).toBe(0);
  broken.clear();
  await saves.save('exp', 'x', call);
});
