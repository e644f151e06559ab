// The configuration of a VM as `vm config` makes it [facts 5.6]: a value that is never changed, only replaced. Owns its shape, its
// defaults, and the configurations that are saved by name. Its fields, with their words and checks, are in config-fields.ts.
import { maxSavedConfigs } from '../../contract/limits.ts';
import type { BondSpec } from './bond-spec.ts';
import type { DiskSpec } from './disk-spec.ts';
import type { NetSpec } from './net-spec.ts';
import { bad, clip, good, type Result } from './result.ts';

export interface QemuOverride {
  readonly match: string;
  readonly replacement: string;
}

/** What a VM has. JSON holds it as it is. Paths are absolute and below -filepath, or empty for none. */
export interface VmConfig {
  /** Empty: made at launch. */
  readonly uuid: string;
  readonly vcpus: number;
  /** MB, which are MiB as everywhere in QEMU and minimega. */
  readonly memory: number;
  /** True: each VM writes to its own overlay, and images stay as they are. */
  readonly snapshot: boolean;
  /** Host it must be placed on, or empty. */
  readonly schedule: string;
  /** VM it must share a host with, or empty. */
  readonly colocate: string;
  /** How many other VMs its host may have at most; -1 for any number. */
  readonly coschedule: number;
  readonly backchannel: boolean;
  readonly networks: readonly NetSpec[];
  readonly bonds: readonly BondSpec[];
  readonly tags: Readonly<Record<string, string>>;
  /** `kvm`: the QEMU of the node. Otherwise a program below -filepath. */
  readonly qemu: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly cdrom: string;
  /** Memory image that it resumes from. */
  readonly state: string;
  /** `host`: the best that the node's accelerator can give (qemu-args.ts). */
  readonly cpu: string;
  /** 0: QEMU decides. */
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
  /** Empty: QEMU's default. */
  readonly machine: string;
  readonly serialPorts: number;
  /** A count, or names with commas between. */
  readonly virtioPorts: string;
  readonly vga: string;
  readonly append: readonly string[];
  readonly disks: readonly DiskSpec[];
  readonly usbUseXhci: boolean;
  readonly tpmSocket: string;
  readonly bidirectionalCopyPaste: boolean;
  readonly qemuAppend: readonly string[];
  readonly qemuOverride: readonly QemuOverride[];
}

export const defaultConfig: VmConfig = {
  uuid: '',
  vcpus: 1,
  memory: 2048,
  snapshot: true,
  schedule: '',
  colocate: '',
  coschedule: -1,
  backchannel: true,
  networks: [],
  bonds: [],
  tags: {},
  qemu: 'kvm',
  kernel: '',
  initrd: '',
  cdrom: '',
  state: '',
  cpu: 'host',
  sockets: 0,
  cores: 0,
  threads: 0,
  machine: '',
  serialPorts: 0,
  virtioPorts: '',
  vga: 'std',
  append: [],
  disks: [],
  usbUseXhci: true,
  tpmSocket: '',
  bidirectionalCopyPaste: false,
  qemuAppend: [],
  qemuOverride: [],
};

/** The configuration for a second VM like this one: without what belongs to the first alone, its UUID and MAC addresses. */
export function cloneConfig(config: VmConfig): VmConfig {
  return { ...config, uuid: '', networks: config.networks.map((net) => ({ ...net, mac: '' })) };
}

/** Configurations by name, of one namespace. */
export type SavedConfigs = ReadonlyMap<string, VmConfig>;

export function saveConfig(saved: SavedConfigs, name: string, config: VmConfig): Result<SavedConfigs> {
  if (!saved.has(name) && saved.size >= maxSavedConfigs) {
    return bad(`${maxSavedConfigs} configs are saved already: save under one of their names`);
  }
  if (name === '' || name.length > 253)
    return bad(`\`${clip(name)}\` cannot be the name of a config: 1 to 253 characters`);
  return good(new Map(saved).set(name, config));
}

/** The configuration saved under `name`; the text for one that does not exist is minimega's. */
export function restoreConfig(saved: SavedConfigs, name: string): Result<VmConfig> {
  const config = saved.get(name);
  return config ? good(config) : bad(`config ${name} does not exist`);
}

/** Answer to `vm config restore` without a name: the names, one a line [obs]. */
export function describeSavedConfigs(saved: SavedConfigs): Result<string> {
  if (saved.size === 0) return bad('no vm configs saved');
  return good(
    [...saved.keys()]
      .sort()
      .map((name) => `${name}\n`)
      .join(''),
  );
}
