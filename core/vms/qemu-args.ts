// QEMU's command line for one VM: a pure function from what the VM is to argv, without a shell anywhere. Owns every option; paths,
// taps and the accelerator come from the host. Options are those of QEMU 7.2 (qemu(1)); the order is minimega's [facts 5.7, obs].
//
// What a person typed becomes an option's value only through `option`, which doubles commas as QEMU's parser wants it, or is a word
// that QEMU takes whole (-kernel, -append). `-sandbox` comes last of ours, so that only qemu-append, an admin's, can follow.
import { maxSocketPathBytes } from '../../contract/limits.ts';
import type { VmConfig } from './config.ts';
import { parseVirtioPorts } from './config-fields.ts';
import type { DiskSpec } from './disk-spec.ts';
import type { Accelerator } from './record.ts';
import { bad, clip, findTextIssue, good, type Result } from './result.ts';

/** A disk as the host found it. `format` is never guessed: a guest that writes a header to a raw disk would choose it. */
export interface QemuDisk {
  /** What QEMU opens: the VM's overlay, or the image. */
  readonly path: string;
  readonly format: string;
  readonly interface: DiskSpec['interface'];
  readonly cache: DiskSpec['cache'];
}

export interface QemuNic {
  /** Tap that the VM's user may open (`ip tuntap add … user`). */
  readonly tap: string;
  readonly mac: string;
  readonly driver: string;
  /**
   * False on Open vSwitch's userspace datapath: it drops what a guest leaves to the NIC, so ping works and TCP does not (checksums, segments).
   * Without the header of virtio the guest does that work itself.
   */
  readonly hasOffload: boolean;
}

/** What one start of a VM needs, all of it resolved. */
export interface QemuMachine {
  readonly id: number;
  readonly name: string;
  readonly uuid: string;
  readonly config: VmConfig;
  /** Folder of the VM's sockets, absolute: named by its id, so that its length does not depend on a name. */
  readonly folder: string;
  readonly disks: readonly QemuDisk[];
  readonly nics: readonly QemuNic[];
  readonly accelerator: Accelerator;
  /** Folder of a hugetlbfs that its memory lies in, which its user may write; none without it. */
  readonly hugepages?: string;
}

/** Sockets of a VM, below its folder. */
export const socketNames = { qmp: 'qmp', vnc: 'vnc', cc: 'cc', guestAgent: 'qga' } as const;
/** Of a serial port, from 0 up: the socket's name, and QEMU's for it. */
export const serialName = (port: number) => `serial${port}`;

/** Ids of devices that QMP commands name. */
export const cdromDevice = 'cd0';
export const nicDevice = (index: number) => `nic${index}`;
export const nicBackend = (index: number) => `net${index}`;
export const usbDiskDevice = (id: number) => `hotplug${id}`;

/** Slots of a PCI bridge: 32, of which its hotplug controller has the first; minimega uses as many. */
const slotsPerBridge = 31;
const ahciPorts = 6;
/** IDE disks beside the CD drive: a PC has two channels of two, q35 six ports. */
const ideDisks = { pc: 3, q35: 5 };

/** Descriptor at which QEMU finds the memory image open: the sandbox lets it start no program to read one, as minimega does. */
export const stateFd = 3;

/** A PC has four ISA serial ports; the rest are PCI devices. */
const isaSerialPorts = 4;

/** An option's value from its parts: QEMU reads `,,` as a comma within a value (qemu-option.c, get_opt_value). */
export function option(...parts: readonly (string | readonly [key: string, value: string | number])[]): string {
  return parts
    .map((part) => (typeof part === 'string' ? escapeComma(part) : `${part[0]}=${escapeComma(String(part[1]))}`))
    .join(',');
}

function escapeComma(value: string): string {
  return value.replaceAll(',', ',,');
}

/** `host` means the best CPU the accelerator has: KVM passes the node's own on, TCG emulates all it can. Others are taken as they are. */
export function cpuFor(cpu: string, accelerator: Accelerator): string {
  return cpu === 'host' && accelerator === 'tcg' ? 'max' : cpu;
}

/**
 * Words of QEMU's command line, without the program. It starts paused (-S) with QMP on `<folder>/qmp`.
 * Issues: a socket path that is too long, a value that no option can hold, and fields that contradict each other.
 */
export function qemuArgs(machine: QemuMachine): Result<string[]> {
  const issue = findMachineIssue(machine);
  if (issue !== null) return bad(issue);
  const { config, folder, accelerator } = machine;
  const buses = createBuses();
  const args = [
    ...['-name', option(['guest', machine.name], ['debug-threads', 'on'])],
    // Neither devices nor configuration that nobody asked for.
    ...['-nodefaults', '-no-user-config'],
    ...(config.machine === '' ? [] : ['-M', option(config.machine)]),
    ...['-accel', accelerator],
    ...['-m', String(config.memory)],
    ...(machine.hugepages === undefined ? [] : ['-mem-path', machine.hugepages]),
    // A client that wants the screen for itself is turned away, or it would end all others.
    ...['-display', 'none', '-vnc', option(`unix:${folder}/${socketNames.vnc}`, ['share', 'force-shared'])],
    ...['-smp', smp(config)],
    ...[
      '-chardev',
      socket('qmp', `${folder}/${socketNames.qmp}`),
      '-mon',
      option(['chardev', 'qmp'], ['mode', 'control']),
    ],
    ...['-vga', option(config.vga)],
    ...['-rtc', 'clock=vm,base=utc'],
    ...['-usb', '-device', config.usbUseXhci ? 'qemu-xhci,id=xhci' : 'usb-ehci,id=ehci'],
    ...['-device', 'usb-tablet,bus=usb-bus.0'],
    ...tpm(config),
    ...['-cpu', option(cpuFor(config.cpu, accelerator))],
    '-S',
    ...(config.state === '' ? [] : ['-incoming', `fd:${stateFd}`]),
    ...cdrom(config),
    ...driveArgs(machine.disks, config.snapshot),
    ...(config.kernel === '' ? [] : ['-kernel', config.kernel]),
    ...(config.initrd === '' ? [] : ['-initrd', config.initrd]),
    ...(config.append.length === 0 ? [] : ['-append', config.append.join(' ')]),
    ...machine.nics.flatMap((nic, index) => netArgs(nic, index, buses)),
    ...serialPorts(config, folder, buses),
    ...virtioPorts(config, folder, buses),
    ...['-uuid', machine.uuid],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
  ];
  // A bridge stands before the devices on it.
  const at = args.indexOf('-S');
  args.splice(at + 1, 0, ...buses.args());
  return good(applyOverrides([...args, ...config.qemuAppend], config.qemuOverride));
}

/**
 * Replaces texts of the command line (qemu-override). Spaces in a match or replacement stand between words, so `-vga std` matches two
 * words, and a replacement may give several. No shell reads the result, and a word with spaces in it stays one word.
 */
export function applyOverrides(argv: readonly string[], overrides: VmConfig['qemuOverride']): string[] {
  if (overrides.length === 0) return [...argv];
  // findTextIssue lets no value have a NUL, so it separates words.
  let line = argv.join('\0');
  const words = (text: string) => text.trim().split(/ +/).join('\0');
  for (const { match, replacement } of overrides) line = line.replaceAll(words(match), () => words(replacement));
  return line.split('\0').filter((word) => word !== '');
}

function findMachineIssue(machine: QemuMachine): string | null {
  const { name, uuid, config, folder, disks, nics } = machine;
  const texts = [
    ...[
      name,
      uuid,
      folder,
      machine.hugepages ?? '',
      config.machine,
      config.cpu,
      config.vga,
      config.kernel,
      config.initrd,
      config.cdrom,
    ],
    ...[config.tpmSocket, ...config.append, ...config.qemuAppend],
    ...disks.flatMap(({ path, format }) => [path, format]),
    ...nics.flatMap(({ tap, mac, driver }) => [tap, mac, driver]),
  ];
  const odd = texts.map(findTextIssue).find((issue) => issue !== null);
  if (odd !== undefined) return odd;
  const paths = [
    config.kernel,
    config.initrd,
    config.cdrom,
    config.tpmSocket,
    folder,
    ...disks.map(({ path }) => path),
  ];
  const relative = paths.find((path) => path !== '' && !path.startsWith('/'));
  if (relative !== undefined) return `\`${clip(relative)}\` is not an absolute path`;
  // QEMU reads `file=json:…` and `file=nbd:…` as more than a path; an absolute one begins with a slash and is always a file.
  if (config.initrd !== '' && config.kernel === '') return 'an initrd without a kernel: set vm config kernel too';
  if (config.append.length > 0 && config.kernel === '') return 'append without a kernel: set vm config kernel too';
  const ide = disks.filter((disk) => (disk.interface ?? 'ide') === 'ide').length;
  const most = config.machine.includes('q35') ? ideDisks.q35 : ideDisks.pc;
  if (ide > most) return `${ide} ide disks: ${most} fit beside the CD drive; give the others virtio or ahci`;
  return findSocketIssue(folder, config);
}

/** Sockets of the folder, in the longest case. A path that is too long is refused before QEMU cuts or refuses it (unix(7)). */
function findSocketIssue(folder: string, config: VmConfig): string | null {
  const longest = `${folder}/${longestSocket(config)}`;
  const bytes = new TextEncoder().encode(longest).length;
  return bytes > maxSocketPathBytes
    ? `${longest} has ${bytes} bytes, and a socket's path has at most ${maxSocketPathBytes}: give meshd a shorter -base`
    : null;
}

function longestSocket(config: VmConfig): string {
  const ports = parseVirtioPorts(config.virtioPorts);
  const count = ports.ok ? ports.value.length : 0;
  return count > 0 ? `virtio-serial${count - 1}` : config.serialPorts > 0 ? serialName(config.serialPorts - 1) : 'qmp';
}

function smp({ vcpus, sockets, cores, threads }: VmConfig): string {
  const parts = Object.entries({ cores, threads, sockets }).filter(([, count]) => count > 0);
  return option(String(vcpus), ...parts);
}

function socket(id: string, path: string): string {
  return option('socket', ['id', id], ['path', path], ['server', 'on'], ['wait', 'off']);
}

function tpm({ tpmSocket }: VmConfig): string[] {
  if (tpmSocket === '') return [];
  return [
    ...['-chardev', option('socket', ['id', 'chrtpm'], ['path', tpmSocket])],
    ...['-tpmdev', 'emulator,id=tpm0,chardev=chrtpm', '-device', 'tpm-tis,tpmdev=tpm0'],
  ];
}

/** There is always a drive, so that an ISO can be put in later. */
function cdrom({ cdrom }: VmConfig): string[] {
  const medium =
    cdrom === ''
      ? []
      : ([
          ['file', cdrom],
          ['format', 'raw'],
          ['readonly', 'on'],
        ] as const);
  return [
    ...['-drive', option(['if', 'none'], ['id', 'cdrom'], ['media', 'cdrom'], ...medium)],
    ...['-device', option('ide-cd', ['id', cdromDevice], ['drive', 'cdrom'])],
    ...(cdrom === '' ? [] : ['-boot', 'once=d']),
  ];
}

/** Drives, and for interfaces that no PC board has, their devices with a controller in front: ahci has six ports, scsi takes all. */
function driveArgs(disks: readonly QemuDisk[], isSnapshot: boolean): string[] {
  const args: string[] = [];
  let ahci = 0;
  let scsi = 0;
  for (const [index, disk] of disks.entries()) {
    const id = `disk${index}`;
    const onBoard = disk.interface !== 'ahci' && disk.interface !== 'scsi';
    const cache = disk.cache ?? (isSnapshot ? 'unsafe' : 'writeback');
    const where = [
      ['format', disk.format],
      ['media', 'disk'],
      ['if', onBoard ? (disk.interface ?? 'ide') : 'none'],
    ] as const;
    args.push('-drive', option(['file', disk.path], ...where, ['cache', cache], ['id', id]));
    if (disk.interface === 'ahci') {
      const controller = `ahci${Math.floor(ahci / ahciPorts)}`;
      if (ahci % ahciPorts === 0) args.push('-device', `ahci,id=${controller}`);
      args.push('-device', `ide-hd,drive=${id},bus=${controller}.${ahci % ahciPorts}`);
      ahci += 1;
    } else if (disk.interface === 'scsi') {
      if (scsi === 0) args.push('-device', 'virtio-scsi-pci,id=scsi');
      args.push('-device', `scsi-hd,drive=${id},bus=scsi.0`);
      scsi += 1;
    }
  }
  return args;
}

interface Buses {
  /** `bus=pci.N,addr=0xM` for the next device. */
  next(): string;
  args(): string[];
}

function createBuses(): Buses {
  let used = 0;
  return {
    next() {
      const bus = Math.floor(used / slotsPerBridge) + 1;
      const slot = (used % slotsPerBridge) + 1;
      used += 1;
      return `bus=pci.${bus},addr=0x${slot.toString(16)}`;
    },
    args() {
      const count = Math.max(1, Math.ceil(used / slotsPerBridge));
      return Array.from({ length: count }, (_, at) => [
        '-device',
        `pci-bridge,id=pci.${at + 1},chassis_nr=${at + 1}`,
      ]).flat();
    },
  };
}

function netArgs(nic: QemuNic, index: number, buses: Buses): string[] {
  return ['-netdev', netdev(nic, index), '-device', `${netDevice(nic, index)},${buses.next()}`];
}

function netdev(nic: QemuNic, index: number): string {
  return option(
    'tap',
    ['id', nicBackend(index)],
    ['ifname', nic.tap],
    ['script', 'no'],
    ['downscript', 'no'],
    ...(nic.hasOffload ? [] : [['vnet_hdr', 'off'] as const]),
  );
}

function netDevice(nic: QemuNic, index: number): string {
  return option(nic.driver, ['id', nicDevice(index)], ['netdev', nicBackend(index)], ['mac', nic.mac]);
}

function serialPorts({ serialPorts: count }: VmConfig, folder: string, buses: Buses): string[] {
  return Array.from({ length: count }, (_, at) => {
    const id = serialName(at);
    const device = at < isaSerialPorts ? `isa-serial,chardev=${id}` : `pci-serial,chardev=${id},${buses.next()}`;
    return ['-chardev', socket(id, `${folder}/${id}`), '-device', device];
  }).flat();
}

/** Channels to the guest: minimega's agent (`cc`), QEMU's own guest agent, the clipboard, and those that the configuration names. */
function virtioPorts(config: VmConfig, folder: string, buses: Buses): string[] {
  const ports: { id: string; name: string; chardev: string }[] = [];
  if (config.backchannel) {
    for (const [key, name] of [
      ['cc', 'cc'],
      ['guestAgent', 'org.qemu.guest_agent.0'],
    ] as const) {
      ports.push({ id: key, name, chardev: socket(key, `${folder}/${socketNames[key]}`) });
    }
  }
  if (config.bidirectionalCopyPaste) {
    const chardev = 'qemu-vdagent,id=vdagent,name=vdagent,clipboard=on';
    ports.push({ id: 'vdagent', name: 'com.redhat.spice.0', chardev });
  }
  const named = parseVirtioPorts(config.virtioPorts);
  for (const [at, name] of (named.ok ? named.value : []).entries()) {
    const id = `virtio-serial${at}`;
    ports.push({ id, name, chardev: socket(id, `${folder}/${id}`) });
  }
  if (ports.length === 0) return [];
  return [
    ...['-device', `virtio-serial-pci,id=vserial,${buses.next()}`],
    ...ports.flatMap(({ id, name, chardev }) => [
      ...['-chardev', chardev],
      ...[
        '-device',
        option('virtserialport', ['bus', 'vserial.0'], ['chardev', id], ['id', `port-${id}`], ['name', name]),
      ],
    ]),
  ];
}
