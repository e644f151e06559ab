import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { commandTable } from '../../core/commands/table.ts';
import { parseCommand } from '../../core/commands/parse.ts';
import { FilesMesh, randomDisk } from '../files/memory-files.ts';
import { createFileHandlers } from './file.ts';
import type { CommandCall } from './handler.ts';

let mesh: FilesMesh;
let told: string[];
beforeEach(async () => {
  mesh = await FilesMesh.create(2);
  told = [];
});
afterEach(() => mesh.stop());

async function run(line: string, call: Partial<CommandCall> = {}) {
  const parsed = parseCommand(commandTable, line);
  if (!parsed.ok || !parsed.command) throw new AppError('invalid', parsed.ok ? 'nothing' : parsed.message);
  const handlers = createFileHandlers({ files: mesh.node(1).files, now: () => mesh.clock.now() });
  const answer = handlers[parsed.command.pattern.pattern]?.({
    command: parsed.command,
    origin: { via: 'socket' },
    host: 'node2',
    namespace: 'minimega',
    signal: new AbortController().signal,
    status: (text) => told.push(text),
    ...call,
  });
  const entries = (await answer) as { Header: unknown; Tabular: string[][] | null; Data: unknown }[];
  const [entry] = entries;
  if (!entry) throw new Error('no entry');
  return entry;
}

test('file list has the columns of minimega, sorted, one folder or all', async () => {
  const { store } = mesh.node(1);
  store.put('b.raw', randomDisk(512), 1_700_000_000_123);
  store.put('a/c.iso', randomDisk(512), 1_700_000_000_000);
  const entry = await run('file list');
  expect(entry.Header).toEqual(['dir', 'name', 'size', 'modified']);
  expect(entry.Tabular?.map((row) => row.slice(0, 3))).toEqual([
    ['<dir>', 'a', '4096'],
    ['', 'b.raw', '512'],
  ]);
  expect(entry.Tabular?.[1]?.[3]).toBe('2023-11-14T22:13:20Z');
  const names = async (line: string) => (await run(line)).Tabular?.map(([, name]) => name);
  expect(await names('file list /')).toEqual(['a', 'b.raw']);
  expect(await names('file list . recursive')).toEqual(['a', 'a/c.iso', 'b.raw']);
  expect(await names('file list a')).toEqual(['a/c.iso']);
  expect(await names('file list b.raw')).toEqual(['b.raw']);
  expect(await names('file list */*.iso')).toEqual(['a/c.iso']);
  expect(await names('file list nope')).toEqual([]);
  await expect(run('file list ../etc')).rejects.toThrow('no `..`');
  await expect(run('file list /etc')).rejects.toThrow('without a slash in front');
});

test('file get waits on the command socket, and tells how far it is; over the mesh it returns at once', async () => {
  const data = randomDisk(4 * 1024 * 1024);
  mesh.node(0).store.put('web', data);
  mesh.simulation.network.delayMs = 200;
  await mesh.passing(run('file get web'));
  expect(mesh.node(1).store.content('web')?.equals(data)).toBe(true);
  expect(told[0]).toMatch(/^\[node2\]: transferring file web: \d+\.\d{6}% complete$/);

  mesh.node(0).store.put('db', data);
  const abort = new AbortController();
  const from = { via: 'mesh', nodeId: mesh.node(0).id, name: 'node1' } as const;
  await mesh.passing(run('file get db', { origin: from, signal: abort.signal }));
  expect(mesh.node(1).store.content('db')).toBeNull();
  // `mesh send` has its answer; what it started continues.
  abort.abort();
  await mesh.reached(() => mesh.node(1).store.content('db') !== null);
});

test('file status shows what is on its way, in the columns of minimega', async () => {
  expect(await run('file status')).toMatchObject({
    Header: ['filename', 'tempdir', 'completed', 'queued'],
    Tabular: [],
    Data: null,
  });
  mesh.node(0).store.put('images/web', randomDisk(1024 * 1024));
  const wait = mesh.node(1).files.ensure('images/web');
  await mesh.reached(() => (mesh.node(1).files.status()[0]?.doneChunks ?? 0) > 2);
  const [row] = (await run('file status')).Tabular ?? [];
  expect(row).toEqual(['images/web', '/node2/images', expect.stringMatching(/^\d+\/16$/), 'false']);
  await mesh.passing(wait);
  expect((await run('file status')).Tabular).toEqual([]);
});

test('file delete is not abbreviated', async () => {
  mesh.node(1).store.put('web', randomDisk(512));
  await expect(run('file del web')).rejects.toThrow();
  await expect(run('fil delete web')).rejects.toThrow();
  await run('file delete web');
  expect(mesh.node(1).store.content('web')).toBeNull();
});
