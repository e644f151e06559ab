import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultConfig, type VmConfig } from './config.ts';
import { applyOverrides, option, qemuArgs, type QemuMachine } from './qemu-args.ts';

const folder = '/var/lib/meshd/7';
const uuid = '1a9cf579-7c19-4d56-8faf-0c9228cdacbc';

function machine(config: Partial<VmConfig> = {}, more: Partial<QemuMachine> = {}): QemuMachine {
  const base = { id: 7, name: 'web1', uuid, folder, disks: [], nics: [], accelerator: 'kvm' } as const;
  return { ...base, ...more, config: { ...defaultConfig, ...config } };
}

function args(config: Partial<VmConfig> = {}, more: Partial<QemuMachine> = {}): string[] {
  const result = qemuArgs(machine(config, more));
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function issue(config: Partial<VmConfig>, more: Partial<QemuMachine> = {}): string {
  const result = qemuArgs(machine(config, more));
  return result.ok ? 'no issue' : result.message;
}

/** What follows each `flag`. */
function after(flag: string, words: readonly string[]): string[] {
  return words.flatMap((word, at) => (word === flag ? [words[at + 1] ?? ''] : []));
}

/** Reads an option as QEMU does (qemu-option.c): a comma ends a value unless another follows. */
function readOption(text: string): string[] {
  return text
    .replaceAll(',,', '\0')
    .split(',')
    .map((part) => part.replaceAll('\0', ','));
}

const disk = { path: '/f/a.qcow2', format: 'qcow2', interface: null, cache: null } as const;
const nic = { tap: 'mega_tap0', mac: '02:00:00:00:00:01', driver: 'e1000', hasOffload: true } as const;

describe("QEMU's command line", () => {
  it('of a VM with nothing configured', () => {
    expect(args()).toEqual([
      ...['-name', 'guest=web1,debug-threads=on', '-nodefaults', '-no-user-config', '-accel', 'kvm', '-m', '2048'],
      ...['-display', 'none', '-vnc', 'unix:/var/lib/meshd/7/vnc,share=force-shared', '-smp', '1'],
      ...['-chardev', 'socket,id=qmp,path=/var/lib/meshd/7/qmp,server=on,wait=off', '-mon', 'chardev=qmp,mode=control'],
      ...['-vga', 'std', '-rtc', 'clock=vm,base=utc', '-usb', '-device', 'qemu-xhci,id=xhci'],
      ...['-device', 'usb-tablet,bus=usb-bus.0', '-cpu', 'host', '-S', '-device', 'pci-bridge,id=pci.1,chassis_nr=1'],
      ...['-drive', 'if=none,id=cdrom,media=cdrom', '-device', 'ide-cd,id=cd0,drive=cdrom'],
      ...['-device', 'virtio-serial-pci,id=vserial,bus=pci.1,addr=0x1'],
      ...['-chardev', 'socket,id=cc,path=/var/lib/meshd/7/cc,server=on,wait=off'],
      ...['-device', 'virtserialport,bus=vserial.0,chardev=cc,id=port-cc,name=cc'],
      ...['-chardev', 'socket,id=guestAgent,path=/var/lib/meshd/7/qga,server=on,wait=off'],
      ...['-device', 'virtserialport,bus=vserial.0,chardev=guestAgent,id=port-guestAgent,name=org.qemu.guest_agent.0'],
      ...['-uuid', uuid],
      ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ]);
  });

  it.each<[string, Partial<VmConfig>, string, string]>([
    ['memory', { memory: 96 }, '-m', '96'],
    ['vcpus', { vcpus: 4 }, '-smp', '4'],
    [
      'sockets, cores, threads',
      { vcpus: 8, sockets: 2, cores: 2, threads: 2 },
      '-smp',
      '8,cores=2,threads=2,sockets=2',
    ],
    ['cores alone', { vcpus: 2, cores: 2 }, '-smp', '2,cores=2'],
    ['machine', { machine: 'q35' }, '-M', 'q35'],
    ['cpu', { cpu: 'qemu64' }, '-cpu', 'qemu64'],
    ['vga', { vga: 'cirrus' }, '-vga', 'cirrus'],
    ['kernel', { kernel: '/f/vmlinuz' }, '-kernel', '/f/vmlinuz'],
    ['initrd', { kernel: '/f/vmlinuz', initrd: '/f/initrd' }, '-initrd', '/f/initrd'],
    ['append', { kernel: '/f/vmlinuz', append: ['console=ttyS0', 'a,b'] }, '-append', 'console=ttyS0 a,b'],
    ['state', { state: '/f/a.state' }, '-incoming', 'fd:3'],
    ['cdrom', { cdrom: '/f/a.iso' }, '-drive', 'if=none,id=cdrom,media=cdrom,file=/f/a.iso,format=raw,readonly=on'],
    ['cdrom boots first', { cdrom: '/f/a.iso' }, '-boot', 'once=d'],
    ['usb-use-xhci', { usbUseXhci: false }, '-device', 'usb-ehci,id=ehci'],
    [
      'serial-ports',
      { serialPorts: 1 },
      '-chardev',
      'socket,id=serial0,path=/var/lib/meshd/7/serial0,server=on,wait=off',
    ],
    ['serial-ports, the device', { serialPorts: 1 }, '-device', 'isa-serial,chardev=serial0'],
    ['the fifth serial port', { serialPorts: 5 }, '-device', 'pci-serial,chardev=serial4,bus=pci.1,addr=0x1'],
    [
      'virtio-ports',
      { virtioPorts: 'a.b' },
      '-device',
      'virtserialport,bus=vserial.0,chardev=virtio-serial0,id=port-virtio-serial0,name=a.b',
    ],
    [
      'a count of virtio-ports',
      { virtioPorts: '2' },
      '-chardev',
      'socket,id=virtio-serial1,path=/var/lib/meshd/7/virtio-serial1,server=on,wait=off',
    ],
    ['tpm-socket', { tpmSocket: '/f/tpm' }, '-chardev', 'socket,id=chrtpm,path=/f/tpm'],
    ['tpm-socket, the device', { tpmSocket: '/f/tpm' }, '-tpmdev', 'emulator,id=tpm0,chardev=chrtpm'],
    [
      'bidirectional-copy-paste',
      { bidirectionalCopyPaste: true },
      '-chardev',
      'qemu-vdagent,id=vdagent,name=vdagent,clipboard=on',
    ],
  ])('%s', (_name, config, flag, value) => {
    expect(after(flag, args(config))).toContain(value);
  });

  it('uuid, schedule, tags and the like change no other option', () => {
    const other = { schedule: 'node1', colocate: 'x', coschedule: 0, tags: { a: 'b' }, uuid: 'x', qemu: '/f/qemu' };
    expect(args(other)).toEqual(args());
  });

  it('backchannel false leaves the guest without virtio-serial', () => {
    expect(args({ backchannel: false }).join(' ')).not.toContain('vserial');
  });

  it('qemu-append comes last, word by word', () => {
    expect(args({ qemuAppend: ['-device', 'virtio-rng-pci', 'a b'] }).slice(-3)).toEqual([
      '-device',
      'virtio-rng-pci',
      'a b',
    ]);
  });

  it.each([
    [null, true, 'file=/f/a.qcow2,format=qcow2,media=disk,if=ide,cache=unsafe,id=disk0', []],
    [null, false, 'file=/f/a.qcow2,format=qcow2,media=disk,if=ide,cache=writeback,id=disk0', []],
    ['virtio', true, 'file=/f/a.qcow2,format=qcow2,media=disk,if=virtio,cache=unsafe,id=disk0', []],
    [
      'ahci',
      true,
      'file=/f/a.qcow2,format=qcow2,media=disk,if=none,cache=unsafe,id=disk0',
      ['ahci,id=ahci0', 'ide-hd,drive=disk0,bus=ahci0.0'],
    ],
    [
      'scsi',
      true,
      'file=/f/a.qcow2,format=qcow2,media=disk,if=none,cache=unsafe,id=disk0',
      ['virtio-scsi-pci,id=scsi', 'scsi-hd,drive=disk0,bus=scsi.0'],
    ],
  ] as const)('a disk on %s, snapshot %s', (iface, snapshot, drive, devices) => {
    const words = args({ snapshot }, { disks: [{ ...disk, interface: iface }] });
    expect(after('-drive', words)).toContain(drive);
    for (const device of devices) expect(after('-device', words)).toContain(device);
  });

  it('the seventh ahci disk gets a second controller, and a given cache is kept', () => {
    const disks = Array.from({ length: 7 }, () => ({ ...disk, interface: 'ahci', cache: 'none' }) as const);
    const words = args({}, { disks });
    expect(after('-device', words)).toContain('ide-hd,drive=disk6,bus=ahci1.0');
    expect(after('-drive', words).filter((drive) => drive.includes('cache=none'))).toHaveLength(7);
  });

  it('a NIC is a tap and a device behind a bridge; without offload the tap has no header of virtio', () => {
    const words = args({}, { nics: [nic, { ...nic, tap: 'mega_tap1', driver: 'virtio-net-pci', hasOffload: false }] });
    expect(after('-netdev', words)).toEqual([
      'tap,id=net0,ifname=mega_tap0,script=no,downscript=no',
      'tap,id=net1,ifname=mega_tap1,script=no,downscript=no,vnet_hdr=off',
    ]);
    expect(after('-device', words)).toContain('e1000,id=nic0,netdev=net0,mac=02:00:00:00:00:01,bus=pci.1,addr=0x1');
    expect(after('-device', words)).toContain(
      'virtio-net-pci,id=nic1,netdev=net1,mac=02:00:00:00:00:01,bus=pci.1,addr=0x2',
    );
  });

  it('31 devices fill a PCI bridge; the next one is on another, and each bridge stands before its devices', () => {
    const words = args({}, { nics: Array.from({ length: 62 }, () => nic) });
    const devices = after('-device', words);
    expect(devices.find((device) => device.includes('id=nic30,'))).toContain('bus=pci.1,addr=0x1f');
    expect(devices.find((device) => device.includes('id=nic31,'))).toContain('bus=pci.2,addr=0x1');
    expect(devices.filter((device) => device.startsWith('pci-bridge'))).toHaveLength(3);
    expect(devices.indexOf('pci-bridge,id=pci.3,chassis_nr=3')).toBeLessThan(
      devices.findIndex((device) => device.includes('bus=pci.1,')),
    );
  });

  it('the CPU `host` is all that TCG can emulate where there is no KVM; a named one stays', () => {
    expect(after('-cpu', args({}, { accelerator: 'tcg' }))).toEqual(['max']);
    expect(after('-cpu', args({ cpu: 'qemu64' }, { accelerator: 'tcg' }))).toEqual(['qemu64']);
    expect(after('-accel', args({}, { accelerator: 'tcg' }))).toEqual(['tcg']);
  });

  it.each<[string, Partial<VmConfig>, Partial<QemuMachine>, RegExp]>([
    ['an initrd without a kernel', { initrd: '/f/i' }, {}, /set vm config kernel too/],
    ['append without a kernel', { append: ['x'] }, {}, /set vm config kernel too/],
    ['a newline in a path', { kernel: '/f/a\nb' }, {}, /control character in `\/f\/a\\nb`/],
    ['what is not a path', {}, { disks: [{ ...disk, path: 'nbd:10.0.0.1:80' }] }, /is not an absolute path/],
    ['four ide disks', {}, { disks: [disk, disk, disk, disk] }, /4 ide disks: 3 fit beside the CD drive/],
    [
      'a folder of 105 bytes',
      {},
      { folder: `/${'x'.repeat(104)}` },
      /has 109 bytes, and a socket's path has at most 107/,
    ],
    ['a port whose socket is too long', { virtioPorts: '11' }, { folder: `/${'x'.repeat(91)}` }, /has 108 bytes/],
  ])('refuses %s', (_name, config, more, text) => {
    expect(issue(config, more)).toMatch(text);
  });

  it('a folder of 103 bytes leaves room for every socket of a plain VM', () => {
    expect(issue({}, { folder: `/${'x'.repeat(102)}` })).toBe('no issue');
  });
});

describe('what a person typed never becomes an option', () => {
  const nasty = fc.stringMatching(/^[a-z,= ]{1,20}$/);

  it('a value reads back as it was written', () => {
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1 }), (values) => {
        const text = option(...values.map((value) => ['k', value] as const));
        expect(readOption(text)).toEqual(values.map((value) => `k=${value}`));
      }),
    );
  });

  it('names, paths and models with commas, spaces and equals signs keep the number of words and options', () => {
    const plain = machine(
      { kernel: '/f/a', initrd: '/f/b', cdrom: '/f/c', append: ['d'], tpmSocket: '/f/e' },
      { disks: [disk], nics: [nic] },
    );
    const shapeOf = (words: readonly string[]) => words.map((word) => readOption(word).length);
    const expected = qemuArgs(plain);
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 8, maxLength: 8 }), (words) => {
        const [a = '', b = '', c = '', d = '', e = '', f = '', g = '', h = ''] = words;
        const config = {
          ...plain.config,
          kernel: `/f/${a}`,
          initrd: `/f/${b}`,
          cdrom: `/f/${c}`,
          tpmSocket: `/f/${d}`,
        };
        const odd = qemuArgs({
          ...plain,
          name: e,
          folder: `/${f}`,
          config,
          disks: [{ ...disk, path: `/f/${g}` }],
          nics: [{ ...nic, tap: h, driver: a, mac: b }],
        });
        expect(odd.ok && expected.ok).toBe(true);
        if (!odd.ok || !expected.ok) return;
        // -kernel and -initrd take a word whole: there a comma is one.
        const whole = new Set([expected.value.indexOf('-kernel') + 1, expected.value.indexOf('-initrd') + 1]);
        const shape = (list: string[]) => shapeOf(list).filter((_, at) => !whole.has(at));
        expect(shape(odd.value)).toEqual(shape(expected.value));
      }),
    );
  });
});

describe('qemu-override', () => {
  const argv = ['-vga', 'std', '-append', 'console=ttyS0 quiet', '-m', '96'];

  it.each([
    ['one word', '-m', '-M', ['-vga', 'std', '-append', 'console=ttyS0 quiet', '-M', '96']],
    ['two words', '-vga std', '-vga none', ['-vga', 'none', '-append', 'console=ttyS0 quiet', '-m', '96']],
    ['part of a word', 'ttyS0', 'ttyS1', ['-vga', 'std', '-append', 'console=ttyS1 quiet', '-m', '96']],
    ['words that vanish', '-vga std', '', ['-append', 'console=ttyS0 quiet', '-m', '96']],
    ['one word for two', '-m 96', '-nothing', ['-vga', 'std', '-append', 'console=ttyS0 quiet', '-nothing']],
    ['a pattern of String.replace', '96', '$&$1', ['-vga', 'std', '-append', 'console=ttyS0 quiet', '-m', '$&$1']],
    [
      'what a shell would run',
      '96',
      '$(id);`id`',
      ['-vga', 'std', '-append', 'console=ttyS0 quiet', '-m', '$(id);`id`'],
    ],
    ['nothing', 'x y', 'z', argv],
  ])('%s', (_name, match, replacement, expected) => {
    expect(applyOverrides(argv, [{ match, replacement }])).toEqual(expected);
  });

  it('each override sees what the one before left', () => {
    const overrides = [
      { match: 'std', replacement: 'cirrus' },
      { match: 'cirrus', replacement: 'none' },
    ];
    expect(applyOverrides(argv, overrides).slice(0, 2)).toEqual(['-vga', 'none']);
  });
});
