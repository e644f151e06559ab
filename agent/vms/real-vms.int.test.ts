// VMs with real QEMUs: the process that started them is killed, another one takes them over, and after a flush nothing of them is left.
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startChild, type Child } from '../../host/child.ts';
import { readProcessIdentity } from '../../host/detached.ts';
import { createRealVms } from './real-vms.ts';
import type { NodeVms } from './node-vms.ts';

const named = { signal: new AbortController().signal, target: 'named' } as const;
let folder: string;
let child: Child | null = null;
let vms: NodeVms | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshd-real-'));
  // VMs are other users, when this is root.
  await chmod(folder, 0o711);
  await mkdir(join(folder, 'files'), { mode: 0o711 });
  const disk = Buffer.alloc(1024 * 1024);
  await writeFile(join(folder, 'files', 'data.raw'), disk, { mode: 0o644 });
  const rom = Buffer.alloc(64 * 1024, 0xf4);
  rom.set([0xf4, 0xeb, 0xfd], rom.length - 16);
  await writeFile(join(folder, 'idle'), rom, { mode: 0o644 });
});
afterEach(async () => {
  child?.kill('SIGKILL');
  if (vms) {
    const ids = vms.list(null).map(({ id }) => id);
    await vms.act(ids, { action: 'kill' }, named);
    await vms.stop();
  }
  await rm(folder, { recursive: true });
});

test('VMs outlive the process that started them, are taken over, and a flush leaves nothing', async () => {
  const program = new URL('vms-process.ts', import.meta.url).pathname;
  const errors: string[] = [];
  const said = Promise.withResolvers<string>();
  child = await startChild([process.execPath, program, folder, 'a', 'b', 'c'], {
    onLine: (line, stream) => {
      if (stream === 'stdout') said.resolve(line);
      else errors.push(line);
    },
  });
  void child.ended.then(() => said.reject(new Error(`it ended: ${errors.join('; ')}`)));
  expect(JSON.parse(await said.promise)).toEqual(['', '', '', '', '']);
  child.kill('SIGKILL');
  await child.ended;

  vms = await createRealVms(folder);
  await vms.start();
  expect(vms.list(null).map(({ name, state }) => [name, state])).toEqual([
    ['a', 'BUILDING'],
    ['b', 'RUNNING'],
    ['c', 'RUNNING'],
  ]);
  const pids = vms.list(null).map(({ pid }) => pid);
  expect(pids.map((pid) => readProcessIdentity(pid) !== null)).toEqual([true, true, true]);
  // One of them dies on its own, and is started again on the disk that it had.
  process.kill(pids[1] ?? 0, 'SIGKILL');
  await expect.poll(() => vms?.list(null)[1]).toMatchObject({ state: 'QUIT', pid: 0 });
  expect(await vms.act([1], { action: 'start' }, named)).toMatchObject([{ error: '' }]);
  const last = vms.list(null).map(({ pid }) => pid);

  const kills = await vms.act([0, 1, 2], { action: 'kill' }, named);
  expect(kills.map(({ error }) => error)).toEqual(['', '', '']);
  const flushes = await vms.act([0, 1, 2], { action: 'flush' }, named);
  expect(flushes.map(({ error }) => error)).toEqual(['', '', '']);
  expect(last.map((pid) => readProcessIdentity(pid))).toEqual([null, null, null]);
  expect(await readdir(join(folder, 'vms'))).toEqual(['counter.json']);
  expect((await readdir(join(folder, 'instances'))).sort()).toEqual(['accelerator', 'catalogue', 'vm-work']);
  expect(await readdir(join(folder, 'instances', 'vm-work'))).toEqual([]);
});
