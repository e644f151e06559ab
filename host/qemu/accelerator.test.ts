import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../contract/errors.ts';
import { CommandError, type Runner } from '../runner.ts';
import { chooseAccelerator, rememberedAccelerator, type AcceleratorChoice } from './accelerator.ts';
import { parseCpus, parseMachines, parseNetDrivers, parseVersion, rememberedCatalogue } from './catalogue.ts';

let folder: string;
let kvmDevice: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'accelerator-'));
  kvmDevice = join(folder, 'kvm');
  await writeFile(kvmDevice, '');
});
afterEach(() => rm(folder, { recursive: true }));

/** A QEMU whose boot with each accelerator ends so. */
function runner(ends: Record<string, number | 'hangs'>, boots: string[] = []): Runner {
  return {
    where: 'this machine',
    run(argv) {
      const accelerator = argv[argv.indexOf('-accel') + 1] ?? '';
      boots.push(accelerator);
      const end = ends[accelerator];
      if (end === 'hangs') return Promise.reject(new AppError('timeout', 'no end'));
      if (end === 0) return Promise.resolve({ stdout: '', stderr: '', truncated: false });
      const stderr = 'qemu-system-x86_64: failed to initialize kvm: Permission denied';
      return Promise.reject(new CommandError('this machine', argv, { exitCode: end ?? 1, stdout: '', stderr }));
    },
  };
}

const choose = (ends: Record<string, number | 'hangs'>, device = kvmDevice, boots: string[] = []) =>
  chooseAccelerator(runner(ends, boots), 'qemu', { prefix: (argv) => ['as-vm', ...argv], kvmDevice: device });

describe('the accelerator', () => {
  it('is KVM when a guest ran its code there', async () => {
    expect(await choose({ kvm: 85 })).toEqual({ accelerator: 'kvm', warning: '' });
  });

  it.each<[string, number | 'hangs', RegExp]>([
    ['hangs', 'hangs', /did not run its first instruction within 15 s: KVM hangs here/],
    ['is refused', 1, /did not start: qemu-system-x86_64: failed to initialize kvm: Permission denied/],
    ['ends without a word of the guest', 0, /ended without running its code/],
  ])('is TCG when a guest with KVM %s, with the reason', async (_name, end, text) => {
    const choice = await choose({ kvm: end, tcg: 85 });
    expect(choice.accelerator).toBe('tcg');
    expect(choice.warning).toMatch(text);
  });

  it('is TCG without /dev/kvm, and KVM is not tried', async () => {
    const boots: string[] = [];
    const choice = await choose({ tcg: 85 }, join(folder, 'none'), boots);
    expect(choice.warning).toMatch(/there is no \/dev\/kvm: switch virtualization on/);
    expect(boots).toEqual(['tcg']);
  });

  it('is an error where TCG runs no guest either', async () => {
    await expect(choose({ kvm: 'hangs', tcg: 1 })).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringMatching(/runs no VM here/) as string,
    });
  });

  it('is remembered for this QEMU, this kernel and this /dev/kvm, and found out again for another', async () => {
    const file = join(folder, 'accelerator');
    let boots = 0;
    const ask = (version: string, device = kvmDevice) =>
      rememberedAccelerator(file, version, {
        choose: () => Promise.resolve<AcceleratorChoice>({ accelerator: 'tcg', warning: `boot ${++boots}` }),
        kvmDevice: device,
      });
    expect((await ask('7.2')).warning).toBe('boot 1');
    expect((await ask('7.2')).warning).toBe('boot 1');
    expect((await ask('8.0')).warning).toBe('boot 2');
    expect((await ask('8.0', join(folder, 'none'))).warning).toBe('boot 3');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/"kernel":"[^"]*"/, '"kernel":"0"'));
    expect((await ask('8.0', join(folder, 'none'))).warning).toBe('boot 4');
    await writeFile(file, '{"half');
    expect((await ask('8.0', join(folder, 'none'))).warning).toBe('boot 5');
  });
});

describe("QEMU's lists", () => {
  // Recorded with `-version`, `-cpu help`, `-M help` and `-M none -device help` of QEMU 7.2.22 on Debian 12, shortened.
  it('version', () => {
    expect(
      parseVersion('QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright (c) 2003-2022\n'),
    ).toBe('7.2.22');
    expect(() => parseVersion('bogus')).toThrow('no version of QEMU');
  });

  it('CPU models', () => {
    const text = `Available CPUs:
x86 486                   (alias configured by machine type)
x86 EPYC-Rome-v2          AMD EPYC-Rome Processor
x86 host                  processor with all supported host features
x86 max                   Enables all features supported by the accelerator in the current host

Recognized CPUID flags:
  3dnow 3dnowext
`;
    expect(parseCpus(text)).toEqual(['486', 'EPYC-Rome-v2', 'host', 'max']);
    expect(
      parseCpus('Available CPUs:\n  486       (alias)\n  max     all\n\nRecognized CPUID flags:\n  3dnow'),
    ).toEqual(['486', 'max']);
  });

  it('machine types, without the one that has no processor', () => {
    const text = `Supported machines are:
microvm              microvm (i386)
pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)
pc-q35-4.0.1         Standard PC (Q35 + ICH9, 2009)
none                 empty machine
`;
    expect(parseMachines(text)).toEqual(['microvm', 'pc', 'pc-q35-4.0.1']);
  });

  it('NIC models that a tap can feed', () => {
    const text = `Controller/Bridge/Hub devices:
name "pci-bridge", bus PCI, desc "Standard PCI Bridge"

Network devices:
name "e1000", bus PCI, alias "e1000-82540em", desc "Intel Gigabit Ethernet"
name "ne2k_isa", bus ISA
name "usb-net", bus usb-bus
name "virtio-net-device", bus virtio-bus
name "virtio-net-pci", bus PCI, alias "virtio-net"

Input devices:
name "pci-serial", bus PCI
`;
    expect(parseNetDrivers(text)).toEqual(['e1000', 'virtio-net-pci']);
    expect(parseNetDrivers('')).toEqual([]);
  });

  it('are asked for once for each version of QEMU', async () => {
    const asked: string[] = [];
    const answers: Record<string, string> = {
      '-cpu': 'Available CPUs:\nx86 qemu64\n',
      '-M help': 'Supported machines are:\npc  Standard PC\n',
      '-M none': 'Network devices:\nname "e1000", bus PCI\n\n',
    };
    const qemu: Runner = {
      where: 'this machine',
      run([, ...args]) {
        asked.push(args.join(' '));
        const [, stdout = ''] = Object.entries(answers).find(([start]) => args.join(' ').startsWith(start)) ?? [];
        return Promise.resolve({ stdout, stderr: '', truncated: false });
      },
    };
    const ask = (version: string) =>
      rememberedCatalogue(join(folder, 'catalogue'), version, { runner: qemu, qemu: 'qemu' });
    const lists = { cpus: ['qemu64'], machines: ['pc'], netDrivers: ['e1000'] };
    expect(await ask('7.2 (Debian 1)')).toEqual(lists);
    expect(await ask('7.2 (Debian 1)')).toEqual(lists);
    expect(asked).toHaveLength(3);
    expect(await ask('7.2 (Debian 2)')).toEqual(lists);
    expect(asked).toHaveLength(6);
  });
});
