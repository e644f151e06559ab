// `vm info`: its columns, rows and Data from records [facts 5.9, 1.6]. Owns minimega's form of each cell.
import { describeDuration } from '../go-duration.ts';
import { goJson } from '../go-json.ts';
import { describeBondSpec } from './bond-spec.ts';
import { configFields } from './config-fields.ts';
import type { VmNet, VmRecord } from './record.ts';
import { stateNumbers } from './states.ts';
import { describeVlan } from './vlan-words.ts';

type Cell = (vm: VmRecord, nowMs: number) => string;

const list = (items: readonly string[]) => `[${items.join(', ')}]`;
const perNet =
  (cell: (net: VmNet) => string): Cell =>
  ({ nets }) =>
    list(nets.map(cell));
/** Addresses, bridges and the like: an interface without one has no place in the list [obs: `[]` with one NIC]. */
const perNetWith =
  (cell: (net: VmNet) => string): Cell =>
  ({ nets }) =>
    list(nets.map(cell).filter((text) => text !== ''));
/** Columns of containers and Android, and those that minimega never fills. */
const none: Cell = () => 'N/A';

const cells: Readonly<Record<string, Cell>> = {
  id: ({ id }) => String(id),
  name: ({ name }) => name,
  state: ({ state }) => state,
  uptime: ({ launchedAtMs }, nowMs) => describeDuration(Math.max(0, nowMs - launchedAtMs) * 1e6),
  type: () => 'kvm',
  uuid: ({ uuid }) => uuid,
  cc_active: () => 'false',
  pid: ({ pid }) => String(pid),
  vlan: perNet(describeVlan),
  bridge: perNetWith(({ bridge }) => bridge),
  tap: perNet(({ tap }) => tap),
  mac: perNet(({ mac }) => mac),
  ip: perNetWith(({ ip4 }) => ip4),
  ip6: perNetWith(({ ip6 }) => ip6),
  qos: perNetWith(({ qos }) => qos),
  qinq: ({ nets }) => (nets.some(({ qinq }) => qinq) ? list(nets.map(({ qinq }) => String(qinq))) : '[]'),
  bond: ({ config }) => list(config.bonds.map(describeBondSpec)),
  memory: ({ config }) => String(config.memory),
  vcpus: ({ config }) => String(config.vcpus),
  disks: ({ config }) => config.disks.map(({ path }) => path).join(','),
  snapshot: ({ config }) => String(config.snapshot),
  initrd: ({ config }) => config.initrd,
  kernel: ({ config }) => config.kernel,
  cdrom: ({ config }) => config.cdrom,
  save: none,
  append: ({ config }) => (config.append.length === 0 ? '' : `[${config.append.join(' ')}]`),
  'serial-ports': ({ config }) => String(config.serialPorts),
  'virtio-ports': ({ config }) => config.virtioPorts,
  // A screen is a Unix socket here, which the console reaches over the mesh: no port listens on all addresses.
  vnc_port: none,
  'usb-use-xhci': ({ config }) => String(config.usbUseXhci),
  'tpm-socket': ({ config }) => config.tpmSocket,
  'bidirectional-copy-paste': ({ config }) => String(config.bidirectionalCopyPaste),
  android_avd: none,
  android_console_port: none,
  android_adb_port: none,
  android_serial: none,
  filesystem: none,
  hostname: none,
  init: none,
  preinit: none,
  fifo: none,
  volume: none,
  console_port: none,
  tags: ({ config }) => goJson(config.tags),
};

/** Ours, behind minimega's: why a VM is as it is, and what slows it down. */
const ownCells: Readonly<Record<string, Cell>> = {
  reason: ({ reason }) => reason,
  accelerator: ({ accelerator }) => (accelerator === 'tcg' ? 'tcg (slow: no KVM on this node)' : (accelerator ?? '')),
};

/** minimega's columns in its order [obs], then ours. */
export const infoColumns: readonly string[] = [...Object.keys(cells), ...Object.keys(ownCells)];
export const minimegaInfoColumns: readonly string[] = Object.keys(cells);
export const summaryColumns: readonly string[] = ['id', 'name', 'state', 'type', 'uuid', 'cc_active', 'vlan'];

/** One row of `vm info` with these columns, all of them from `infoColumns`. */
export function infoRow(vm: VmRecord, columns: readonly string[], nowMs: number): string[] {
  return columns.map((column) => (cells[column] ?? ownCells[column] ?? none)(vm, nowMs));
}

/** One element of `vm info`'s Data, with minimega's keys [facts 1.6, obs]; LaunchTime is RFC 3339. */
export function infoData(vm: VmRecord): Record<string, unknown> {
  const { config } = vm;
  const fields = configFields.map(({ json, key }) => [json, config[key]] as const);
  return {
    ...Object.fromEntries(fields),
    UUID: vm.uuid,
    Networks: vm.nets.map((net) => ({
      Alias: net.alias,
      VLAN: net.vlan,
      Bridge: net.bridge,
      Tap: net.tap,
      MAC: net.mac,
      Driver: net.driver,
      IP4: net.ip4,
      IP6: net.ip6,
      QinQ: net.qinq,
      Raw: net.raw,
    })),
    Bonds: config.bonds.map((bond) => ({
      Name: bond.name,
      Mode: bond.mode,
      LACP: bond.lacp,
      Fallback: bond.hasFallback,
      QinQ: bond.qinq,
      Interfaces: bond.interfaces,
      Raw: describeBondSpec(bond),
    })),
    Disks: config.disks.map((disk) => ({
      Path: disk.path,
      Interface: disk.interface ?? '',
      Cache: disk.cache ?? '',
    })),
    ID: vm.id,
    Name: vm.name,
    Namespace: vm.namespace,
    Host: vm.host,
    State: stateNumbers[vm.state],
    Reason: vm.reason,
    LaunchTime: new Date(vm.launchedAtMs).toISOString(),
    Type: 1,
    ActiveCC: false,
    Pid: vm.pid,
  };
}
