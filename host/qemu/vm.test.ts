// A VM over a monitor that says what a test wants: what is hard to have from a real QEMU (full disks, panics, guests that obey).
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VmStatus } from './hypervisor.ts';
import { openVm, type QemuVm, type VmParts } from './vm.ts';

let folder: string;
let server: Server;
let sockets: Set<Socket>;
let commands: { execute: string; arguments?: Record<string, unknown> }[];
/** What `query-status` answers. */
let status: string;
let answers: Record<string, () => object>;
let isAlive: boolean;
let words: string;
let vm: QemuVm;
let seen: VmStatus[];

function emit(event: string, data?: Record<string, unknown>): void {
  for (const socket of sockets)
    socket.write(`${JSON.stringify({ event, data, timestamp: { seconds: 0, microseconds: 0 } })}\r\n`);
}

/** QEMU ends: its process first, or its monitor, as the kernel wants it. */
function die(): void {
  isAlive = false;
  for (const socket of sockets) socket.destroy();
  server.close();
}

async function open(parts: Partial<VmParts> = {}): Promise<void> {
  vm = openVm({
    instance: { id: 0, uuid: 'web1', process: { pid: 1, startTicks: '1', bootId: 'test' } },
    name: 'web1',
    qmpPath: join(folder, 'qmp'),
    isNew: true,
    isPcie: false,
    usbVersion2Bus: 'xhci.0',
    isAlive: () => isAlive,
    end() {
      die();
      return Promise.resolve();
    },
    lastWords: () => Promise.resolve(words),
    takeScreenshot: () => Promise.reject(new Error('none')),
    openSocket: () => Promise.reject(new Error('none')),
    openSink: () => Promise.reject(new Error('none')),
    grant: () => Promise.resolve(),
    onClose: () => undefined,
    ...parts,
  });
  vm.onStatus((next) => seen.push(next));
  await vm.ready;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vm-'));
  [sockets, commands, answers, seen] = [new Set(), [], {}, []];
  [status, isAlive, words] = ['prelaunch', true, ''];
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.write('{"QMP":{}}');
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const { id, ...command } = JSON.parse(line) as { id: number; execute: string };
        commands.push(command);
        if (command.execute === 'cont') status = 'running';
        if (command.execute === 'stop') status = 'paused';
        const made =
          answers[command.execute]?.() ??
          (command.execute === 'query-status' ? { return: { status } } : { return: {} });
        socket.write(`${JSON.stringify({ ...made, id })}\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'qmp'), resolve));
});

afterEach(async () => {
  vm.close();
  die();
  await rm(folder, { recursive: true });
});

describe('a VM over its monitor', () => {
  it('a full disk pauses it with the reason, and running again clears that', async () => {
    await open();
    await vm.resume();
    emit('BLOCK_IO_ERROR', {
      device: 'disk0',
      operation: 'write',
      action: 'stop',
      nospace: true,
      reason: 'No space left on device',
    });
    emit('STOP');
    await expect
      .poll(() => vm.status)
      .toEqual({ state: 'PAUSED', reason: 'io-error: the disk of its node is full (write on disk0)' });
    await vm.resume();
    emit('RESUME');
    expect(vm.status).toEqual({ state: 'RUNNING', reason: '' });
    await vm.pause();
    expect(vm.status).toEqual({ state: 'PAUSED', reason: '' });
  });

  it('an error that QEMU passes on to the guest pauses nothing', async () => {
    await open();
    await vm.resume();
    emit('BLOCK_IO_ERROR', {
      device: 'disk0',
      operation: 'read',
      action: 'report',
      nospace: false,
      reason: 'Input/output error',
    });
    emit('STOP');
    await expect.poll(() => vm.status).toEqual({ state: 'PAUSED', reason: '' });
  });

  it('an adopted VM that stands for an io-error says so, although nobody heard the event', async () => {
    status = 'io-error';
    await open({ isNew: false });
    expect(vm.status).toEqual({ state: 'PAUSED', reason: 'io-error: a disk of the node fails or is full' });
  });

  it.each(['guest-panicked', 'internal-error', 'watchdog'])('%s is the reason of a pause', async (word) => {
    status = word;
    await open({ isNew: false });
    expect(vm.status).toEqual({ state: 'PAUSED', reason: word });
  });

  it('a guest that powers off has quit for that reason', async () => {
    await open();
    await vm.resume();
    emit('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(vm.status.state).toBe('RUNNING');
    die();
    await expect.poll(() => vm.status).toEqual({ state: 'QUIT', reason: 'the guest powered off' });
  });

  it('a guest that follows the power button has quit, and nothing is wrong', async () => {
    await open();
    await vm.resume();
    answers['system_powerdown'] = () => {
      setTimeout(() => emit('SHUTDOWN', { guest: true, reason: 'guest-shutdown' }), 5);
      setTimeout(die, 20);
      return { return: {} };
    };
    expect(await vm.powerDown(60_000)).toBe(true);
    expect(vm.status).toEqual({ state: 'QUIT', reason: '' });
    expect(seen.map(({ state }) => state)).toEqual(['RUNNING', 'QUIT']);
  });

  it('an event that the host caused does not end the wait for the guest', async () => {
    await open();
    await vm.resume();
    answers['system_powerdown'] = () => {
      emit('SHUTDOWN', { guest: false, reason: 'host-qmp-system-reset' });
      return { return: {} };
    };
    expect(await vm.powerDown(50)).toBe(false);
    expect(vm.status.state).toBe('RUNNING');
  });

  it('a QEMU that dies is reported with its last words', async () => {
    await open();
    words = 'could not allocate memory';
    die();
    await expect.poll(() => vm.status).toEqual({ state: 'QUIT', reason: 'QEMU died: could not allocate memory' });
    await expect(vm.pause()).rejects.toThrow('web1 has ended: QEMU died: could not allocate memory');
  });

  it('what changed while the monitor was away is asked for', async () => {
    await open();
    await vm.resume();
    status = 'io-error';
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => vm.status.state).toBe('PAUSED');
    expect(isAlive).toBe(true);
  });

  it('a USB disk goes only when the guest has let go of it', async () => {
    await open();
    await vm.addUsbDisk({ id: 4, path: '/f/a', format: 'raw', version: '2.0' });
    answers['device_del'] = () => {
      setTimeout(() => emit('DEVICE_DELETED', { device: 'other', path: 'x' }), 1);
      setTimeout(() => emit('DEVICE_DELETED', { device: 'hotplug4', path: 'x' }), 10);
      return { return: {} };
    };
    await vm.removeUsbDisk(4);
    const named = commands.filter(({ execute }) => /blockdev|device/.test(execute));
    expect(named.map(({ execute }) => execute)).toEqual(['blockdev-add', 'device_add', 'device_del', 'blockdev-del']);
    expect(named[1]?.arguments).toMatchObject({
      driver: 'usb-storage',
      id: 'hotplug4',
      drive: 'hotplug4-file',
      bus: 'xhci.0',
    });
  });

  it('a NIC whose device is refused leaves no backend behind', async () => {
    await open();
    answers['device_add'] = () => ({
      error: { class: 'GenericError', desc: "'bogus' is not a valid device model name" },
    });
    const nic = { tap: 'mega_tap3', mac: '02:00:00:00:00:01', driver: 'bogus', hasOffload: false };
    await expect(vm.addNic(nic, 2)).rejects.toThrow(
      "QEMU refused device_add: 'bogus' is not a valid device model name",
    );
    const named = commands.filter(({ execute }) => /netdev|device/.test(execute));
    expect(named.map(({ execute }) => execute)).toEqual(['netdev_add', 'device_add', 'netdev_del']);
    expect(named[0]?.arguments).toEqual({
      type: 'tap',
      id: 'net2',
      ifname: 'mega_tap3',
      script: 'no',
      downscript: 'no',
      vnet_hdr: false,
    });
  });

  it('a NIC is plugged in again once the guest has let go of it, also after an earlier deadline', async () => {
    await open();
    const nic = { tap: 'mega_tap3', mac: '02:00:00:00:00:01', driver: 'e1000', hasOffload: true };
    answers['device_del'] = () => {
      setTimeout(() => emit('DEVICE_DELETED', { device: 'nic2', path: 'x' }), 10);
      return { return: {} };
    };
    await vm.replugNic(nic, 2);
    answers['device_del'] = () => ({ error: { class: 'DeviceNotFound', desc: "Device 'nic2' not found" } });
    await vm.replugNic(nic, 2);
    const named = commands.filter(({ execute }) => /netdev|device/.test(execute)).map(({ execute }) => execute);
    const once = ['device_del', 'netdev_del', 'netdev_add', 'device_add'];
    expect(named).toEqual([...once, ...once]);
  });

  it('a start waits until a memory image has been read', async () => {
    status = 'inmigrate';
    await open();
    const started = vm.resume();
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(commands.some(({ execute }) => execute === 'cont')).toBe(false);
    status = 'paused';
    await started;
    expect(vm.status.state).toBe('RUNNING');
  });
});
