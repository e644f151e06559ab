// A disk that a capture fills: needs root to mount its own disk, a tmpfs.
import { mkdtemp, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ethernet } from '../../core/capture/made-packets.ts';
import { PcapReader } from '../../core/capture/pcap.ts';
import { defaultSettings } from '../../core/capture/settings.ts';
import { openCaptureFile } from '../../host/capture/capture-file.ts';
import { createMemoryCaptureHost } from '../../host/capture/memory-capture-host.ts';
import { MemoryMachine } from '../../host/ovs/memory-host.ts';
import { noChange } from '../../host/ovs/switch-host.ts';
import { localRunner } from '../../host/runner.ts';
import { createSystemClock } from '../mesh/clock.ts';
import { Captures } from './captures.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-full-'));
  await localRunner.run(['mount', '-t', 'tmpfs', '-o', 'size=20m', 'tmpfs', folder]);
});
afterEach(async () => {
  await localRunner.run(['umount', folder]);
  await rm(folder, { recursive: true });
});

const frame = ethernet(
  0x88b5,
  Array.from({ length: 1_400 }, (_, index) => index % 256),
);

async function capture() {
  const machine = new MemoryMachine().host();
  await machine.apply({ ...noChange, makeTaps: [{ name: 't0', user: 0, mtu: 1500, alias: '' }] }, 0);
  const host = createMemoryCaptureHost(machine, { doGuestsTalk: false, wallNow: () => 0 });
  const captures = await Captures.open({
    host,
    store: { read: () => Promise.resolve(null), write: () => Promise.resolve(), setAside: () => Promise.resolve() },
    openFile: (name) => openCaptureFile(folder, name),
    isInUse: () => false,
    sizeOf: () => Promise.resolve(0),
    clock: createSystemClock(),
    log: { info: () => undefined, warn: () => undefined },
  });
  const place = { kind: 'tap', tap: 't0' } as const;
  const start = (file: string) =>
    captures.startPackets({ namespace: 'n', bridge: '', vm: null, place, file, settings: defaultSettings });
  return { host, captures, start };
}

test('a capture ends before the disk is full, with a whole packet and the reason', async () => {
  const { host, captures, start } = await capture();
  const { id } = await start('a.pcap');
  const endAt = performance.now() + 60_000;
  // A busy machine drops packets that it cannot write in time.
  while (captures.find(id)?.state === 'running' && performance.now() < endAt) {
    for (let count = 0; count < 100; count += 1) host.say('t0', frame);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(captures.find(id)).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('the disk is full') as string,
  });
  const reader = new PcapReader();
  const { packets } = reader.push(await readFile(join(folder, 'a.pcap')));
  expect([packets.length, reader.rest]).toEqual([captures.find(id)?.packets, 0]);
  // The node can still write its own files, and the next capture says what is wrong before it starts.
  await writeFile(join(folder, 'state.json'), Buffer.alloc(64 * 1024));
  await writeFile(join(folder, 'filler'), Buffer.alloc(20e6)).catch(() => undefined);
  await expect(start('b.pcap')).rejects.toThrow('the disk is full');
  expect(host.size).toBe(0);
  await captures.stop();
});

test('one that others fill meanwhile takes nothing more, and keeps what it has', async () => {
  const { host, captures, start } = await capture();
  const { id } = await start('a.pcap');
  host.say('t0', frame);
  await expect.poll(() => captures.find(id)?.packets).toBe(1);
  const { bavail, bsize } = await statfs(folder);
  await writeFile(join(folder, 'filler'), Buffer.alloc(bavail * bsize)).catch(() => undefined);
  for (let count = 0; count < 20; count += 1) host.say('t0', frame);
  await expect.poll(() => captures.find(id)).toMatchObject({ state: 'failed', reason: 'the disk is full' });
  const reader = new PcapReader();
  const { packets } = reader.push(await readFile(join(folder, 'a.pcap')));
  expect([packets.length, reader.rest]).toEqual([captures.find(id)?.packets, 0]);
  await captures.stop();
});
