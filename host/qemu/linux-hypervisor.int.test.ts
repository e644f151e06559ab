// The hypervisor of this machine, with real QEMUs. As root each VM has its own user; otherwise they run as the user of the test.
import { once } from 'node:events';
import { chmod, chown, link, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import { isAlive } from '../detached.ts';
import { localRunner } from '../runner.ts';
import { hypervisorCompliance } from './hypervisor-compliance.ts';
import type { Hypervisor, LaunchRequest, RunningVm } from './hypervisor.ts';
import { imagesGroup, vmUser } from './launcher.ts';
import { createLinuxHypervisor } from './linux-hypervisor.ts';

interface Surroundings {
  readonly base: string;
  readonly filesPath: string;
  readonly image: string;
  /** Firmware that halts at once: the guest costs nothing, and knows no power button. */
  readonly idle: string;
  readonly create: () => Hypervisor;
  readonly dispose: () => Promise<void>;
}

async function createSurroundings(): Promise<Surroundings> {
  const base = await mkdtemp(join(tmpdir(), 'meshd-vms-'));
  // mkdtemp lets nobody else pass, and VMs are somebody else.
  await chmod(base, 0o711);
  const filesPath = join(base, 'files');
  await mkdir(filesPath, { mode: 0o700 });
  const image = join(filesPath, 'a,b c=d.raw');
  await writeFile(image, Buffer.alloc(1024 * 1024), { mode: 0o600 });
  const idle = join(base, 'idle');
  const rom = Buffer.alloc(64 * 1024, 0xf4);
  rom.set([0xf4, 0xeb, 0xfd], rom.length - 16);
  await writeFile(idle, rom, { mode: 0o644 });
  return {
    base,
    filesPath,
    image,
    idle,
    create: () => createLinuxHypervisor({ base, filesPath, runner: localRunner, makeOverlay }),
    dispose: () => rm(base, { recursive: true }),
  };
}

/** An empty qcow2 over an image, as qemu-img makes one (qemu docs/interop/qcow2.rst): qemu-img is not on every machine that tests run on. */
async function makeOverlay(image: { path: string; format: string }, overlay: string): Promise<void> {
  const cluster = 64 * 1024;
  const { size } = await stat(image.path);
  const head = Buffer.alloc(4 * cluster);
  head.write('QFI\xfb', 0, 'latin1');
  const name = Buffer.from(image.path);
  const format = Buffer.from(image.format);
  const backing = 512;
  head.writeUInt32BE(3, 4);
  head.writeBigUInt64BE(BigInt(backing), 8);
  head.writeUInt32BE(name.length, 16);
  head.writeUInt32BE(16, 20);
  head.writeBigUInt64BE(BigInt(size), 24);
  head.writeUInt32BE(1, 36);
  head.writeBigUInt64BE(BigInt(3 * cluster), 40);
  head.writeBigUInt64BE(BigInt(cluster), 48);
  head.writeUInt32BE(1, 56);
  head.writeUInt32BE(4, 96);
  head.writeUInt32BE(104, 100);
  head.writeUInt32BE(0xe2792aca, 104);
  head.writeUInt32BE(format.length, 108);
  format.copy(head, 112);
  name.copy(head, backing);
  head.writeBigUInt64BE(BigInt(2 * cluster), cluster);
  for (let used = 0; used < 4; used += 1) head.writeUInt16BE(1, 2 * cluster + used * 2);
  await writeFile(overlay, head, { mode: 0o600, flag: 'wx' });
}

hypervisorCompliance('QEMU on this machine', async () => {
  const { create, image, idle, dispose } = await createSurroundings();
  return {
    hypervisor: create(),
    restarted: create,
    killOutside: ({ process: { pid } }) => process.kill(pid, 'SIGKILL'),
    image,
    config: { qemuAppend: ['-bios', idle] },
    dispose,
  };
});

describe('QEMU on this machine', () => {
  let around: Surroundings;
  let hypervisor: Hypervisor;
  const open: RunningVm[] = [];
  const isRoot = process.getuid?.() === 0;

  beforeAll(async () => {
    around = await createSurroundings();
    hypervisor = around.create();
  });
  afterAll(async () => {
    for (const vm of open) await vm.kill();
    await around.dispose();
  });

  function request(
    id: number,
    config: Partial<VmConfig> = {},
    more: Partial<LaunchRequest['machine']> = {},
  ): LaunchRequest {
    const uuid = `00000000-0000-4000-9000-${String(id).padStart(12, '0')}`;
    const whole = { ...defaultConfig, memory: 32, qemuAppend: ['-bios', around.idle], ...config };
    return { machine: { id, name: `vm${id}`, uuid, disks: [], nics: [], ...more, config: whole } };
  }

  async function launch(...args: Parameters<typeof request>): Promise<RunningVm> {
    const vm = await hypervisor.launch(request(...args));
    open.push(vm);
    return vm;
  }

  it.skipIf(!isRoot)('runs as its own user, without capabilities, in a sandbox', async () => {
    const { instance } = await launch(1);
    const status = await readFile(`/proc/${instance.process.pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/);
    const user = String(vmUser(1));
    expect(field('Uid')).toEqual([user, user, user, user]);
    expect(field('Gid')).toEqual([user, user, user, user]);
    expect(field('Groups')).toEqual(expect.arrayContaining([user, String(imagesGroup)]));
    // Files of root's group are not a VM's, whosever /dev/kvm is.
    expect(field('Groups')).not.toContain('0');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(field(set)).toEqual(['0000000000000000']);
    expect(field('NoNewPrivs')).toEqual(['1']);
    // 2: filtered (proc(5)).
    expect(field('Seccomp')).toEqual(['2']);
  });

  it.skipIf(!isRoot).each([
    { gid: 0, mode: 0o660, isGiven: false },
    { gid: 7, mode: 0o600, isGiven: false },
    { gid: 7, mode: 0o660, isGiven: true },
  ])(
    'gets the group of /dev/kvm if that gives it KVM and nothing else: $gid, $mode',
    async ({ gid, mode, isGiven }) => {
      const kvmDevice = join(around.base, 'kvm');
      await writeFile(kvmDevice, '');
      await chown(kvmDevice, 0, gid);
      await chmod(kvmDevice, mode);
      const { base, filesPath } = around;
      const other = createLinuxHypervisor({ base, filesPath, runner: localRunner, makeOverlay, kvmDevice });
      const vm = await other.launch(request(13));
      const status = await readFile(`/proc/${vm.instance.process.pid}/status`, 'utf8');
      expect(/^Groups:\s*(.*)$/m.exec(status)?.[1]?.trim().split(/\s+/).includes(String(gid))).toBe(isGiven);
      await vm.kill();
      await other.remove(13);
    },
  );

  it.skipIf(!isRoot)('has a folder that nobody else enters, and reads an image that only root could read', async () => {
    const id = 2;
    // QEMU locks an image that it writes to: no other VM of these tests may want it.
    const image = join(around.filesPath, 'written.raw');
    await writeFile(image, Buffer.alloc(1024 * 1024), { mode: 0o600 });
    await launch(
      id,
      { snapshot: false },
      { disks: [{ path: image, format: 'raw', interface: 'virtio', cache: null }] },
    );
    const folder = await stat(hypervisor.folderOf(id));
    expect([folder.uid, folder.mode & 0o777]).toEqual([vmUser(id), 0o700]);
    // Written by one VM, it is that one's alone.
    expect((await stat(image)).uid).toBe(vmUser(id));
    const iso = join(around.filesPath, 'secret.iso');
    await writeFile(iso, 'x'.repeat(2048), { mode: 0o600 });
    await launch(3, { cdrom: iso });
    const read = await stat(iso);
    expect([read.uid, read.gid, read.mode & 0o777]).toEqual([0, imagesGroup, 0o640]);
  });

  it.skipIf(!isRoot)('reads no file behind a symlink, and none elsewhere', async () => {
    const link = join(around.filesPath, 'link');
    await symlink('/etc/shadow', link);
    const before = await stat('/etc/shadow');
    for (const path of [link, '/etc/shadow', join(around.filesPath, '..', '..', 'etc', 'shadow')]) {
      await expect(hypervisor.launch(request(4, { cdrom: path }))).rejects.toThrow(/symlink|not a regular file|below/);
    }
    const after = await stat('/etc/shadow');
    expect([after.mode, after.gid]).toEqual([before.mode, before.gid]);
    await hypervisor.remove(4);
  });

  it.skipIf(!isRoot)('does not read a screenshot that the VM made a symlink', async () => {
    const vm = await launch(5);
    const path = join(hypervisor.folderOf(5), 'screenshot.ppm');
    // QEMU writes through the link as its own user, which may not; a guest that broke out would leave just the link.
    await symlink('/etc/shadow', path);
    await expect(vm.screenshot(null)).rejects.toThrow();
    await vm.screenshot(null);
  });

  it.skipIf(!isRoot)('does not connect through a symlink that the VM made, nor to what is not its own', async () => {
    const vm = await launch(17, { serialPorts: 2 });
    const folder = hypervisor.folderOf(17);
    const told: string[] = [];
    const root = join(around.base, 'root');
    const server = createServer((socket) => socket.on('data', (chunk) => told.push(String(chunk)))).listen(root);
    try {
      await once(server, 'listening');
      await rm(join(folder, 'serial0'));
      await symlink(root, join(folder, 'serial0'));
      await expect(vm.openSerial(0)).rejects.toMatchObject({ code: 'refused' });
      // Also where the kernel lets it have a second name for a socket of root's.
      await rm(join(folder, 'serial1'));
      await link(root, join(folder, 'serial1'));
      await expect(vm.openSerial(1)).rejects.toMatchObject({ code: 'refused' });
      expect(told).toEqual([]);
    } finally {
      server.close();
    }
  });

  it('a name and a path with commas, spaces and equals signs arrive as they are', async () => {
    const vm = await launch(6, { cdrom: around.image }, { name: 'a,b' });
    expect(JSON.parse(await vm.qmp({ execute: 'query-name' }))).toEqual({ return: { name: 'a,b' } });
    expect(await vm.qmp({ execute: 'query-block' })).toContain(around.image);
  });

  it.skipIf(!isRoot)("opens its user's taps by name, at launch and later, and nobody else's", async () => {
    const taps = [0, 1, 2].map((index) => `mdq${process.pid % 100_000}t${index}`);
    const ip = (...words: string[]) => localRunner.run(['ip', ...words]);
    const carrier = (tap: string) => readFile(`/sys/class/net/${tap}/carrier`, 'utf8').then((text) => text.trim());
    try {
      for (const [index, tap] of taps.entries()) {
        const user = vmUser(index < 2 ? 14 : 15);
        await ip('tuntap', 'add', tap, 'mode', 'tap', 'user', String(user));
        await ip('link', 'set', tap, 'up');
      }
      const nic = (index: number) => ({
        tap: taps[index] ?? '',
        mac: `02:00:00:00:00:0${index}`,
        driver: 'virtio-net-pci',
        hasOffload: false,
      });
      const vm = await launch(14, {}, { nics: [nic(0)] });
      expect(await Promise.all([0, 1].map((index) => carrier(taps[index] ?? '')))).toEqual(['1', '0']);
      await vm.addNic(nic(1), 1);
      expect(await carrier(taps[1] ?? '')).toBe('1');
      await vm.setLink(1, false);
      await expect(vm.addNic(nic(2), 2)).rejects.toThrow(/Operation not permitted/);
      await expect(hypervisor.launch(request(16, {}, { nics: [nic(2)] }))).rejects.toThrow(
        /QEMU died: .*Operation not permitted/,
      );
      await hypervisor.remove(16);
      await vm.kill();
    } finally {
      for (const tap of taps) await ip('link', 'delete', tap).catch(() => undefined);
    }
  });

  it('a disk keeps what a VM wrote between two starts: its overlay stays, and the image is as it was', async () => {
    const overlay = join(hypervisor.folderOf(7), 'disk-0.qcow2');
    const disk = { path: around.image, format: 'raw', interface: 'virtio', cache: null } as const;
    const first = await launch(7, {}, { disks: [disk] });
    const before = await readFile(around.image);
    expect(await first.monitor('qemu-io disk0 "write -P 7 0 4096"')).not.toMatch(/error/i);
    await first.kill();
    const made = await stat(overlay);
    const second = await launch(7, {}, { disks: [disk] });
    expect(await second.monitor('qemu-io disk0 "read -P 7 0 4096"')).not.toMatch(/verification failed/);
    expect((await stat(overlay)).ino).toBe(made.ino);
    expect(Buffer.compare(await readFile(around.image), before)).toBe(0);
  });

  it('every kind of device of a configuration starts', async () => {
    const disk = { path: around.image, format: 'raw', cache: null } as const;
    const vm = await launch(
      8,
      {
        ...{ snapshot: true, serialPorts: 5, virtioPorts: 'a,b', bidirectionalCopyPaste: true, usbUseXhci: false },
        ...{ machine: 'q35', vcpus: 2, cores: 2, vga: 'cirrus' },
      },
      {
        disks: [
          { ...disk, interface: 'ahci' },
          { ...disk, interface: 'scsi' },
          { ...disk, interface: 'virtio' },
        ],
      },
    );
    const names = await readdir(hypervisor.folderOf(8));
    for (const name of ['qmp', 'vnc', 'cc', 'qga', 'serial0', 'serial4', 'virtio-serial0', 'virtio-serial1'])
      expect(names).toContain(name);
    await vm.addUsbDisk({ id: 0, path: around.image, format: 'raw', version: '2.0' });
  });

  it('resumes from a memory image, which QEMU finds open; a broken one ends the launch with its words', async () => {
    const sandbox = '-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';
    // Writing one starts a program, which the sandbox refuses.
    const first = await launch(9, { qemuOverride: [{ match: sandbox, replacement: '-boot menu=off' }] });
    await first.resume();
    await first.pause();
    const written = join(hypervisor.folderOf(9), 'state');
    await first.monitor(`migrate "exec:cat > ${written}"`);
    await expect.poll(() => first.monitor('info migrate')).toContain('Migration status: completed');
    await first.kill();
    const state = join(around.filesPath, 'a.state');
    await writeFile(state, await readFile(written), { mode: 0o600 });
    const second = await launch(10, { state, qemuAppend: ['-bios', around.idle, '-boot', 'menu=off'] });
    expect(second.status).toEqual({ state: 'BUILDING', reason: '' });
    await second.resume();
    await expect.poll(() => second.status.state).toBe('RUNNING');

    await writeFile(state, 'no memory');
    await expect(hypervisor.launch(request(13, { state }))).rejects.toThrow(/QEMU died: .*(migration|stream)/is);
    await hypervisor.remove(13);
  });

  it('a VM outlives who started it, and removing it leaves nothing', async () => {
    const script = `
      import { createLinuxHypervisor } from ${JSON.stringify(new URL('./linux-hypervisor.ts', import.meta.url).href)};
      import { localRunner } from ${JSON.stringify(new URL('../runner.ts', import.meta.url).href)};
      const { base, filesPath, request } = JSON.parse(process.argv[1]);
      const hypervisor = createLinuxHypervisor({ base, filesPath, runner: localRunner, makeOverlay: async () => {} });
      const vm = await hypervisor.launch(request);
      await vm.resume();
      console.log(JSON.stringify(vm.instance));
      process.kill(process.pid, 'SIGKILL');
    `;
    const given = JSON.stringify({ base: around.base, filesPath: around.filesPath, request: request(11) });
    let out = '';
    await localRunner
      .run([process.execPath, '--input-type=module', '-e', script, given], {
        onOutput: (text) => (out += text),
        timeoutMs: 120_000,
      })
      .catch(() => undefined);
    const instance = JSON.parse(out.trim().split('\n').at(-1) ?? '') as RunningVm['instance'];
    expect(isAlive(instance.process)).toBe(true);
    const vm = await hypervisor.adopt(instance, defaultConfig);
    expect(vm?.status.state).toBe('RUNNING');
    await vm?.kill();
    expect(isAlive(instance.process)).toBe(false);
    await hypervisor.remove(11);
    expect(await readdir(around.base)).not.toContain('11');
    expect(await readdir(join(around.base, 'vm-work'))).not.toContain('11.log');
  });

  it('a folder on the way that lets nobody pass is named', async () => {
    const closed = join(around.base, 'closed');
    await mkdir(join(closed, 'base'), { recursive: true });
    await chmod(closed, 0o700);
    const other = createLinuxHypervisor({
      base: join(closed, 'base'),
      filesPath: around.filesPath,
      runner: localRunner,
      makeOverlay,
    });
    await expect(other.launch(request(12))).rejects.toThrow(isRoot ? `chmod o+x ${closed}` : /./);
  });
});
