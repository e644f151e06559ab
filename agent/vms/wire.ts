// What members ask each other about launches, and its bounds. SPEC section H.
//
// Paths of images travel as names below -filepath, which may be another folder on another node.
import { z } from 'zod';
import { AppError } from '../../contract/errors.ts';
import { maxFileNameBytes, maxRangeNames, maxVmNetworks, maxVmsPerNode } from '../../contract/limits.ts';
import { parseFileName } from '../../core/files/file-name.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import { Config, Name, RecordShape } from './shapes.ts';
import type { HoldRequest, Launched, LaunchRequest, Survey, SurveyRequest } from './vm-host.ts';

export const surveyKind = 'vm-survey';
export const holdKind = 'vm-hold';
export const releaseKind = 'vm-release';
export const launchKind = 'vm-launch';
/** Notice to the member that launches. */
export const progressKind = 'vm-progress';

/** A survey asks the others for files that are missing. */
export const surveyMs = 30_000;
export const holdAskMs = 10_000;

const LaunchId = z.string().min(1).max(64);
const Namespace = z.string().max(64);
const Part = z.number().int().min(0).max(maxRangeNames);
const Mac = z.string().max(17);
const Uuid = z.string().max(64);
/** Configurations of one launch: one for each VM at most, and most launches have one. */
const maxConfigs = 256;
const Text = z.string().max(65_536);
const Size = z.number().min(0).max(1e15);

export const SurveyAsk: z.ZodType<SurveyRequest> = z.object({
  namespace: Namespace,
  configs: z.array(Config).max(maxConfigs),
});

export const SurveyAnswer: z.ZodType<Survey> = z.object({
  host: z.object({
    name: Name,
    cpus: Size,
    memoryMb: Size,
    committedCpus: Size,
    committedMemoryMb: Size,
    committedNets: Size,
    vmLimit: z.number().int().min(-1).max(1e6),
    vms: z
      .array(z.object({ name: Name, namespace: Namespace, coschedule: z.number().int().min(-1).max(1e6) }))
      .max(maxVmsPerNode),
  }),
  taken: z.object({
    names: z.array(Name).max(2 * maxRangeNames),
    uuids: z.array(Uuid).max(2 * maxRangeNames),
    // What a frame holds.
    macs: z.array(Mac).max(250_000),
  }),
  missing: z.array(z.object({ name: z.string().max(maxFileNameBytes), bytes: Size })).max(1_000),
  issues: z.array(z.object({ config: z.number().int().min(0), text: Text })).max(maxConfigs),
  warning: Text,
});

export const HoldAsk: z.ZodType<HoldRequest> = z.object({
  launch: LaunchId,
  namespace: Namespace,
  vms: z.array(z.object({ name: Name, uuid: Uuid, macs: z.array(Mac).max(maxVmNetworks) })).max(maxRangeNames),
  here: z.array(z.object({ name: Name, vcpus: Size, memoryMb: Size, nets: Size })).max(maxVmsPerNode),
});

/** An error of a request is a text alone, and this one names VMs. */
export const HoldAnswer = z.object({ problems: z.record(Name, Text).nullable() });

export const ReleaseAsk = z.object({ launch: LaunchId });

/** `part`: which of the requests that one launch is sent in. */
export const LaunchAsk: z.ZodType<LaunchRequest & { readonly part: number }> = z.object({
  launch: LaunchId,
  part: Part,
  namespace: Namespace,
  vms: z
    .array(
      z.object({
        name: Name,
        uuid: Uuid,
        config: Config,
        vlans: z
          .array(z.object({ vlan: z.number().int().min(-1).max(4_094), alias: z.string().max(200) }))
          .max(maxVmNetworks),
      }),
    )
    .max(maxVmsPerNode),
});

export const LaunchAnswer: z.ZodType<{ launched: Launched[] }> = z.object({
  launched: z
    .array(
      z.object({
        name: Name,
        vm: RecordShape.nullable(),
        error: Text,
        notes: z.array(Text).max(100),
      }),
    )
    .max(maxVmsPerNode),
});

export const Progress = z.object({ launch: LaunchId, part: Part, done: z.number().int().min(0), text: Text });

/** The configuration with each of its paths as `change` has it; none stays empty. */
function withPaths(config: VmConfig, change: (path: string) => string): VmConfig {
  const each = (path: string) => (path === '' ? '' : change(path));
  return {
    ...config,
    kernel: each(config.kernel),
    initrd: each(config.initrd),
    cdrom: each(config.cdrom),
    state: each(config.state),
    tpmSocket: each(config.tpmSocket),
    qemu: config.qemu === 'kvm' ? 'kvm' : each(config.qemu),
    disks: config.disks.map((disk) => ({ ...disk, path: each(disk.path) })),
  };
}

/** For another member. */
export function configToWire(config: VmConfig, root: string): VmConfig {
  return withPaths(config, (path) => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path));
}

/** From another member. @throws AppError `invalid` for a path that is not below -filepath */
export function configFromWire(config: VmConfig, root: string): VmConfig {
  return withPaths(config, (path) => {
    const parsed = parseFileName(path);
    if (!parsed.ok) throw new AppError('invalid', parsed.message);
    return `${root}/${parsed.name}`;
  });
}
