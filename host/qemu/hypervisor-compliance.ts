// What every hypervisor does: run against QEMU itself (linux-hypervisor.int.test.ts) and against the one in memory (memory-hypervisor.test.ts).
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import type { Hypervisor, Instance, LaunchRequest, RunningVm, VmStatus } from './hypervisor.ts';
import { pngSize } from './screen-picture.ts';
import { decodePng, openVnc } from './vnc-for-tests.ts';

export interface HypervisorFixture {
  readonly hypervisor: Hypervisor;
  /** Another one over the same machine: meshd after a restart. */
  readonly restarted: () => Hypervisor;
  readonly killOutside: (instance: Instance) => void;
  /** A raw file of 1 MiB below -filepath. */
  readonly image: string;
  /** A configuration whose guest does not know the power button, and settles at once. */
  readonly config: Partial<VmConfig>;
  readonly dispose: () => Promise<void>;
}

export function hypervisorCompliance(name: string, create: () => Promise<HypervisorFixture>): void {
  describe(`a hypervisor: ${name}`, () => {
    let fixture: HypervisorFixture;
    let nextId = 1;
    const open: RunningVm[] = [];

    beforeAll(async () => {
      fixture = await create();
    });
    afterEach(async () => {
      for (const vm of open.splice(0)) {
        await vm.kill();
        await fixture.hypervisor.remove(vm.instance.id);
      }
    });
    afterAll(() => fixture.dispose());

    function request(config: Partial<VmConfig> = {}, more: Partial<LaunchRequest['machine']> = {}): LaunchRequest {
      const id = nextId++;
      return {
        machine: {
          id,
          name: `vm${id}`,
          uuid: `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`,
          config: { ...defaultConfig, memory: 32, ...fixture.config, ...config },
          disks: [],
          nics: [],
          ...more,
        },
      };
    }

    async function launch(config: Partial<VmConfig> = {}): Promise<RunningVm> {
      const vm = await fixture.hypervisor.launch(request(config));
      open.push(vm);
      return vm;
    }

    function record(vm: RunningVm): VmStatus[] {
      const seen: VmStatus[] = [];
      vm.onStatus((status) => seen.push(status));
      return seen;
    }

    it('knows its QEMU: version, models, and whether VMs are slow', async () => {
      const facts = await fixture.hypervisor.facts();
      expect(facts.version).toMatch(/^\d+\.\d+/);
      expect(facts.catalogue.cpus).toContain('qemu64');
      expect(facts.catalogue.machines).toContain('q35');
      expect(facts.catalogue.netDrivers).toEqual(expect.arrayContaining(['e1000', 'virtio-net-pci']));
      expect(facts.warning === '').toBe(facts.accelerator === 'kvm');
    });

    it('hands on the memory of a VM that stands still, which then runs on; a cancel ends that', async () => {
      const vm = await launch();
      await vm.resume();
      await vm.pause();
      const abort = new AbortController();
      const cancelled = vm.saveState(
        () => {
          abort.abort();
          return Promise.resolve();
        },
        { signal: abort.signal },
      );
      await cancelled.catch((error: unknown) => expect(error).toMatchObject({ code: 'cancelled' }));
      const broken = vm.saveState(() => Promise.reject(new Error('no space')), {
        signal: new AbortController().signal,
      });
      await expect(broken).rejects.toThrow('no space');
      let bytes = 0;
      await vm.saveState(
        (piece) => {
          bytes += piece.length;
          return Promise.resolve();
        },
        { signal: new AbortController().signal },
      );
      expect(bytes).toBeGreaterThan(20);
      expect(await vm.savedPercent()).toBeGreaterThan(0);
      expect(vm.status.state).toBe('PAUSED');
      // QEMU alone refuses a second one.
      let again = 0;
      await vm.saveState(
        (piece) => {
          again += piece.length;
          return Promise.resolve();
        },
        { signal: new AbortController().signal },
      );
      expect(again).toBeGreaterThan(20);
      expect(vm.status.state).toBe('PAUSED');
      await vm.resume();
      expect(vm.status.state).toBe('RUNNING');
      await vm.kill();
      await expect(vm.savedPercent()).rejects.toMatchObject({ code: 'refused' });
    });

    it('a VM starts paused, runs, is paused, runs again, and ends when it is killed', async () => {
      const vm = await launch();
      expect(vm.status).toEqual({ state: 'BUILDING', reason: '' });
      const seen = record(vm);
      await vm.resume();
      expect(vm.status.state).toBe('RUNNING');
      await vm.pause();
      expect(vm.status.state).toBe('PAUSED');
      await vm.resume();
      await vm.kill();
      expect(seen.map(({ state }) => state)).toEqual(['RUNNING', 'PAUSED', 'RUNNING', 'QUIT']);
      expect(vm.status).toEqual({ state: 'QUIT', reason: '' });
    });

    it('a VM that has ended refuses everything but to be killed again, and changes no more', async () => {
      const vm = await launch();
      await vm.kill();
      const seen = record(vm);
      await expect(vm.resume()).rejects.toMatchObject({ code: 'refused' });
      await expect(vm.screenshot(null)).rejects.toMatchObject({ code: 'refused' });
      await expect(vm.qmp({ execute: 'query-status' })).rejects.toMatchObject({ code: 'refused' });
      await vm.kill();
      expect(seen).toEqual([]);
    });

    it('what QEMU cannot have ends the launch with its words, and leaves nothing that runs', async () => {
      const bad = request({ machine: 'pc-i440fx-99' });
      await expect(fixture.hypervisor.launch(bad)).rejects.toMatchObject({
        code: 'failed',
        message: expect.stringMatching(/QEMU died: .*unsupported machine type/) as string,
      });
      expect(await fixture.hypervisor.lastWords(bad.machine.id)).toMatch(/unsupported machine type/);
      await fixture.hypervisor.remove(bad.machine.id);
      expect(await fixture.hypervisor.lastWords(bad.machine.id)).toBe('');
    });

    it('a contradiction is refused before anything is made', async () => {
      await expect(fixture.hypervisor.launch(request({ initrd: '/f/initrd' }))).rejects.toMatchObject({
        code: 'invalid',
      });
    });

    it('one id has one VM', async () => {
      const first = request();
      const [vm, second] = await Promise.allSettled([
        fixture.hypervisor.launch(first),
        fixture.hypervisor.launch(first),
      ]);
      expect(second).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
      if (vm.status === 'fulfilled') open.push(vm.value);
      await expect(fixture.hypervisor.launch(first)).rejects.toMatchObject({ code: 'conflict' });
      await expect(fixture.hypervisor.remove(first.machine.id)).rejects.toMatchObject({ code: 'conflict' });
    });

    it('VMs are launched beside each other, each in its own folder', async () => {
      const vms = await Promise.all([launch(), launch(), launch()]);
      const folders = vms.map(({ instance }) => fixture.hypervisor.folderOf(instance.id));
      expect(new Set(folders).size).toBe(3);
      expect(new Set(vms.map(({ instance }) => instance.process.pid)).size).toBe(3);
    });

    it('a QEMU that something else kills is seen as ended, with the reason', async () => {
      const vm = await launch();
      await vm.resume();
      const seen = record(vm);
      fixture.killOutside(vm.instance);
      await expect.poll(() => vm.status.state).toBe('QUIT');
      expect(seen).toEqual([{ state: 'QUIT', reason: 'QEMU ended without a word: killed from outside?' }]);
    });

    it('a restart adopts what runs, with its state, and takes it over', async () => {
      const before = await launch();
      await before.resume();
      before.close();
      const after = await fixture.restarted().adopt(before.instance, defaultConfig);
      expect(after?.status.state).toBe('RUNNING');
      expect(after?.instance).toEqual(before.instance);
      const seen = record(after!);
      await after?.pause();
      await after?.kill();
      expect(seen.map(({ state }) => state)).toEqual(['PAUSED', 'QUIT']);
      open.splice(0);
      await fixture.hypervisor.remove(before.instance.id);
    });

    it('a restart does not adopt what has ended, nor another process with its pid', async () => {
      const vm = await launch();
      vm.close();
      const other = fixture.restarted();
      const { process } = vm.instance;
      expect(await other.adopt({ ...vm.instance, process: { ...process, startTicks: '1' } }, defaultConfig)).toBeNull();
      const same = await other.adopt(vm.instance, defaultConfig);
      await same?.kill();
      expect(await fixture.restarted().adopt(vm.instance, defaultConfig)).toBeNull();
      open.splice(0);
      await fixture.hypervisor.remove(vm.instance.id);
    });

    it('a QEMU that nobody knows is found by the id of its VM, and ended', async () => {
      const vm = await launch();
      await expect(fixture.hypervisor.endStray(vm.instance.id)).rejects.toMatchObject({ code: 'conflict' });
      vm.close();
      const other = fixture.restarted();
      await other.endStray(vm.instance.id + 1_000);
      const same = await other.adopt(vm.instance, defaultConfig);
      expect(same).not.toBeNull();
      same?.close();
      await other.endStray(vm.instance.id);
      expect(await fixture.restarted().adopt(vm.instance, defaultConfig)).toBeNull();
      await other.endStray(vm.instance.id);
      open.splice(0);
      await fixture.hypervisor.remove(vm.instance.id);
    });

    it('a guest that ignores the power button runs as before, and that is said', async () => {
      const vm = await launch();
      await vm.resume();
      expect(await vm.powerDown(200)).toBe(false);
      expect(vm.status.state).toBe('RUNNING');
      await vm.reset();
      expect(vm.status.state).toBe('RUNNING');
    });

    it('the screen is a PNG, no larger than asked for', async () => {
      const vm = await launch();
      const own = pngSize(await vm.screenshot(null));
      expect(own.width).toBeGreaterThan(300);
      const small = pngSize(await vm.screenshot(100));
      expect(Math.max(small.width, small.height)).toBe(100);
      expect(small.width / small.height).toBeCloseTo(own.width / own.height, 1);
    });

    it('shows its screen to several VNC clients at once, as the screenshot has it', async () => {
      const vm = await launch();
      const viewers = [await openVnc(await vm.openScreen()), await openVnc(await vm.openScreen())];
      // Firmware may draw between two looks.
      await expect
        .poll(async () => {
          const shot = decodePng(await vm.screenshot(null));
          const frames = await Promise.all(viewers.map((viewer) => viewer.frame()));
          return frames.map(({ rgb }) => Buffer.compare(rgb, shot.rgb));
        })
        .toEqual([0, 0]);
      expect(viewers.map(({ width }) => width)).toEqual(Array(2).fill(pngSize(await vm.screenshot(null)).width));
    });

    it('gives a serial port to one at a time, and says what it has not', async () => {
      const vm = await launch({ serialPorts: 2 });
      const [first, second] = [await vm.openSerial(0), await vm.openSerial(1)];
      await expect(vm.openSerial(0)).rejects.toMatchObject({ code: 'conflict' });
      await expect(vm.openSerial(2)).rejects.toMatchObject({ code: 'not-found' });
      first.destroy();
      const again = await vm.openSerial(0);
      const ends = [again, second].map((stream) => new Promise((resolve) => stream.resume().once('end', resolve)));
      await vm.kill();
      await Promise.all(ends);
      await expect(vm.openSerial(0)).rejects.toMatchObject({ code: 'refused' });
      await expect(vm.openScreen()).rejects.toMatchObject({ code: 'refused' });
    });

    it('an ISO goes into the drive and out of it', async () => {
      const vm = await launch();
      await vm.changeCdrom(fixture.image, { force: false });
      await vm.ejectCdrom({ force: true });
      await vm.changeCdrom(fixture.image, { force: true });
    });

    it('USB disks come and go; one that is not there is an error', async () => {
      const vm = await launch();
      await vm.addUsbDisk({ id: 0, path: fixture.image, format: 'raw', version: '1.1' });
      await expect(vm.addUsbDisk({ id: 0, path: fixture.image, format: 'raw', version: '2.0' })).rejects.toMatchObject({
        code: 'failed',
      });
      await vm.removeUsbDisk(0);
      await vm.addUsbDisk({ id: 1, path: fixture.image, format: 'raw', version: '2.0' });
      await vm.removeUsbDisk(1);
      await expect(vm.removeUsbDisk(1)).rejects.toMatchObject({
        code: 'failed',
        message: expect.stringContaining('not found') as string,
      });
    });

    it('passes commands and lines to the monitor, and their errors back', async () => {
      const vm = await launch();
      expect(JSON.parse(await vm.qmp({ execute: 'query-status' }))).toMatchObject({
        return: { status: 'prelaunch', running: false },
      });
      expect(JSON.parse(await vm.qmp({ execute: 'no-such-thing' }))).toEqual({
        error: { class: 'CommandNotFound', desc: 'The command no-such-thing has not been found' },
      });
      expect(await vm.monitor('info status')).toMatch(/^VM status: paused/);
    });

    it('a listener that was taken away hears nothing', async () => {
      const vm = await launch();
      const seen: VmStatus[] = [];
      vm.onStatus((status) => seen.push(status))();
      await vm.resume();
      expect(seen).toEqual([]);
    });
  });
}
