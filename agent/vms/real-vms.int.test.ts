// VMs with real QEMUs: the process that started them is killed, another one takes them over, and after a flush nothing of them is left.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startChild, type Child } from '../../host/child.ts';
import { readProcessIdentity } from '../../host/detached.ts';
import { createRealVms } from './real-vms.ts';
import { launchOf, never, plan } from './simulated-vms.ts';
import type { NodeVms } from './node-vms.ts';

/**
 * A firmware that counts, and writes its count, in steps of some 300 ms, to the serial port:
 *   xor ecx,ecx; mov dx,3f8h; next: mov eax,ecx; shr eax,10; out dx,al; inc ecx; xor bx,bx; wait: dec bx; jnz wait; jmp next
 */
function counter(): Buffer {
  const rom = Buffer.alloc(64 * 1024, 0xf4);
  rom.set(Buffer.from('6631c9baf8036689c866c1e80aee664131db4b75fdebef', 'hex'));
  // The first instruction of a PC: a jump to the beginning of this ROM.
  rom.set([0xea, 0, 0, 0, 0xf0], rom.length - 16);
  return rom;
}

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
  await writeFile(join(folder, 'counter'), counter(), { mode: 0o644 });
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

/** What the counter of a VM writes, until it is as wanted. */
async function countUntil(id: number, isEnough: (count: number, bytes: number) => boolean): Promise<number[]> {
  const serial = await vms!.openSerial(id, 0);
  const counts: number[] = [];
  try {
    for await (const piece of serial) {
      counts.push(...(piece as Buffer));
      if (isEnough(counts.at(-1) ?? 0, counts.length)) break;
    }
  } finally {
    serial.destroy();
  }
  return counts;
}

/** An access of the guest to its first disk, as QEMU plays it. */
const access = (id: number, command: string) =>
  vms!.qmp(
    id,
    JSON.stringify({
      execute: 'human-monitor-command',
      arguments: { 'command-line': `qemu-io disk0 "${command}"` },
    }),
  );

test('a VM that was saved is launched again elsewhere in the same boot, with its disk; a save that ends early leaves nothing', async () => {
  vms = await createRealVms(folder);
  await vms.start();
  const path = join(folder, 'files', 'data.raw');
  const config = { memory: 32, serialPorts: 1, qemuAppend: ['-bios', join(folder, 'counter')] };
  const disks = [{ path, interface: null, cache: null }];
  await vms.launch(launchOf([plan('a', { ...config, disks })]), { signal: never });
  expect(await vms.act([0], { action: 'start' }, named)).toMatchObject([{ error: '' }]);
  await countUntil(0, (count) => count >= 4);
  await access(0, 'write -P 7 64k 64k');

  const abort = new AbortController();
  const names = { state: 'saved/a.state', disks: ['saved/a.hdd'], mayReplace: true };
  const left = () => readdir(join(folder, 'files', 'saved'));
  const cancelled = vms.save(0, names, { signal: abort.signal, onProgress: () => abort.abort() });
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  expect([await left(), vms.list(null)[0]?.state]).toEqual([[], 'RUNNING']);

  await vms.save(0, names, { signal: never });
  expect([(await left()).sort(), vms.list(null)[0]?.state]).toEqual([['a.hdd', 'a.state'], 'PAUSED']);
  expect(await readdir(join(folder, 'instances', 'vm-save'))).toEqual([]);
  // The one that was saved runs on, and what it writes now is not in the save.
  expect(await vms.act([0], { action: 'start' }, named)).toMatchObject([{ error: '' }]);
  const before = await countUntil(0, (_count, bytes) => bytes >= 1);
  expect(before[0]).toBeGreaterThanOrEqual(4);
  await access(0, 'write -P 9 64k 64k');
  await vms.act([0], { action: 'kill' }, named);
  await vms.act([0], { action: 'flush' }, named);

  const saved = {
    ...config,
    state: join(folder, 'files', 'saved', 'a.state'),
    disks: [{ ...disks[0]!, path: join(folder, 'files', 'saved', 'a.hdd') }],
  };
  const [launched] = await vms.launch(launchOf([plan('b', saved)], 'second'), { signal: never });
  expect([launched?.error, launched?.vm?.state]).toEqual(['', 'BUILDING']);
  expect(await vms.act([1], { action: 'start' }, named)).toMatchObject([{ error: '' }]);
  // It counts on from where it stood, and has what was written before.
  const after = await countUntil(1, (_count, bytes) => bytes >= 1);
  expect(after[0]).toBeGreaterThanOrEqual(4);
  const said = () => readFile(join(folder, 'instances', 'vm-work', '1.log'), 'utf8');
  await access(1, 'read -P 7 64k 64k');
  expect(await said()).not.toContain('verification failed');
  await access(1, 'read -P 9 64k 64k');
  expect(await said()).toContain('verification failed');

  const killing = vms.save(
    1,
    { ...names, state: 'saved/b.state', disks: ['saved/b.hdd'] },
    { signal: never, onProgress: () => void vms?.act([1], { action: 'kill' }, named) },
  );
  await expect(killing).rejects.toMatchObject({ code: 'cancelled' });
  await expect.poll(() => vms?.list(null)[0]?.state).toBe('QUIT');
  expect((await left()).sort()).toEqual(['a.hdd', 'a.state']);
});
