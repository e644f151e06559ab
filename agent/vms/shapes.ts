// Shapes of VMs as they come from a disk or another member: configurations, records, and what they hold. Owns their bounds; whether the
// values make sense together is decided by core/vms.
import { z } from 'zod';
import {
  maxRangeNameLength,
  maxVmCpus,
  maxVmDisks,
  maxVmMemoryMb,
  maxVmNetworks,
  maxVmPorts,
  maxVmReasonCharacters,
  maxVmTextCharacters,
  maxVmWords,
} from '../../contract/limits.ts';
import { defaultConfig, type VmConfig } from '../../core/vms/config.ts';
import { diskCaches, diskInterfaces } from '../../core/vms/disk-spec.ts';
import type { HotplugDisk, VmNet, VmRecord } from '../../core/vms/record.ts';
import { safeText } from '../../core/safe-text.ts';
import { findTextIssue } from '../../core/vms/result.ts';
import { vmStates } from '../../core/vms/states.ts';

/** A value of a configuration: what a program can have as an argument. */
const Text = z
  .string()
  .max(maxVmTextCharacters)
  .refine((text) => findTextIssue(text) === null);
export const Name = z.string().max(maxRangeNameLength);
const Namespace = z.string().max(64);
export const VmId = z.number().int().min(0).max(100_000_000);
const Count = z.number().int().min(-1).max(1_000_000);
/** Empty for one to be made. */
const Mac = z.string().regex(/^(?:[0-9a-f]{2}(?::[0-9a-f]{2}){5})?$/);
/** -1: disconnected. */
const Vlan = z.number().int().min(-1).max(4_094);
const Bridge = z.string().max(15);
const Tap = z.string().max(15);

const Net = z.object({ vlan: Text, bridge: Bridge, mac: Mac, driver: Text, qinq: z.boolean() });
const Bond = z.object({
  interfaces: z.array(z.number().int().min(0).max(maxVmNetworks)).max(maxVmNetworks),
  mode: z.enum(['active-backup', 'balance-slb', 'balance-tcp']),
  lacp: z.enum(['active', 'passive', 'off']),
  hasFallback: z.boolean(),
  qinq: z.boolean(),
  name: Text,
});
const Disk = z.object({
  path: Text,
  interface: z.enum(diskInterfaces).nullable(),
  cache: z.enum(diskCaches).nullable(),
});

const ConfigFields = z.object({
  uuid: Text,
  vcpus: z.number().int().min(1).max(maxVmCpus),
  memory: z.number().int().min(1).max(maxVmMemoryMb),
  snapshot: z.boolean(),
  schedule: Text,
  colocate: Text,
  coschedule: Count,
  backchannel: z.boolean(),
  networks: z.array(Net).max(maxVmNetworks),
  bonds: z.array(Bond).max(maxVmNetworks),
  tags: z.record(Text, Text).refine((tags) => Object.keys(tags).length <= maxVmWords),
  qemu: Text,
  kernel: Text,
  initrd: Text,
  cdrom: Text,
  state: Text,
  cpu: Text,
  sockets: z.number().int().min(0).max(maxVmCpus),
  cores: z.number().int().min(0).max(maxVmCpus),
  threads: z.number().int().min(0).max(maxVmCpus),
  machine: Text,
  serialPorts: z.number().int().min(0).max(maxVmPorts),
  virtioPorts: Text,
  vga: Text,
  append: z.array(Text).max(maxVmWords),
  disks: z.array(Disk).max(maxVmDisks),
  usbUseXhci: z.boolean(),
  tpmSocket: Text,
  bidirectionalCopyPaste: z.boolean(),
  qemuAppend: z.array(Text).max(maxVmWords),
  qemuOverride: z.array(z.object({ match: Text, replacement: Text })).max(maxVmWords),
});

/** Fields that a later version adds are left out, and those that an earlier one did not have get their defaults. */
export const Config: z.ZodType<VmConfig> = z.preprocess(
  (value) => (typeof value === 'object' && value !== null ? { ...defaultConfig, ...value } : value),
  ConfigFields,
);

export const NetShape: z.ZodType<VmNet> = z.object({
  alias: Text,
  vlan: Vlan,
  bridge: Bridge,
  tap: Tap,
  mac: Mac,
  driver: Text,
  qinq: z.boolean(),
  ip4: z.string().max(15),
  ip6: z.string().max(45),
  qos: Text,
  raw: Text,
});

const Hotplug: z.ZodType<HotplugDisk> = z.object({
  id: z.number().int().min(0),
  path: Text,
  version: z.string().max(8),
});

export const RecordShape: z.ZodType<VmRecord> = z.object({
  id: VmId,
  name: Name,
  namespace: Namespace,
  host: Name,
  uuid: Text,
  config: Config,
  state: z.enum(vmStates),
  reason: z.string().max(maxVmReasonCharacters),
  launchedAtMs: z.number().min(0).max(8.64e15),
  pid: z.number().int().min(0),
  nets: z.array(NetShape).max(maxVmNetworks),
  hotplug: z.array(Hotplug).max(maxVmWords),
  accelerator: z.enum(['kvm', 'tcg']).nullable(),
});

/** What others said, as a reason or as the tag `error`: one line, of bounded length. */
export function reasonText(text: string): string {
  const line = safeText(
    text
      .trim()
      .replaceAll(/\s*\n\s*/g, '; ')
      .replaceAll(/\s/g, ' '),
  );
  return line.length > maxVmReasonCharacters ? `${line.slice(0, maxVmReasonCharacters - 1)}…` : line;
}
