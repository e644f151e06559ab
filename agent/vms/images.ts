// The files of a VM's configuration: that they are here, whole and what they are wanted for, and what QEMU must know of them.
import { AppError, describeError } from '../../contract/errors.ts';
import type { VmConfig } from '../../core/vms/config.ts';
import type { QemuDisk } from '../../core/vms/qemu-args.ts';
import type { ImageFile } from '../../host/images/chain.ts';
import { whyUnusable, type ImageUse } from '../../host/images/headers.ts';
import type { FetchStatus } from '../files/fetch.ts';
import type { Files } from '../files/files.ts';

export type VmFiles = Pick<Files, 'ensure' | 'describe' | 'missing' | 'store'>;

export interface VmImages {
  readonly disks: readonly QemuDisk[];
  /** Backing files of the disks, absolute. */
  readonly reads: readonly string[];
  /** All of them, absolute: in use from now on. */
  readonly all: readonly string[];
}

interface Wanted {
  readonly path: string;
  readonly use: ImageUse | null;
}

/** Files that a configuration names. What a memory image or a program is, only QEMU knows. */
export function filesOf(config: VmConfig): Wanted[] {
  const wanted: Wanted[] = [
    ...config.disks.map(({ path }) => ({ path, use: 'disk' as const })),
    { path: config.cdrom, use: 'cdrom' },
    { path: config.kernel, use: 'kernel' },
    { path: config.initrd, use: 'initrd' },
    { path: config.state, use: null },
    { path: config.qemu === 'kvm' ? '' : config.qemu, use: null },
  ];
  return wanted.filter(({ path }) => path !== '');
}

/** Name below -filepath. @throws AppError `invalid` for a path elsewhere */
export function nameBelow(path: string, root: string): string {
  if (path.startsWith(`${root}/`)) return path.slice(root.length + 1);
  throw new AppError('invalid', `${path} is not below -filepath, which is ${root} on this node`);
}

/** Why this node cannot run the configuration as far as its files go, and what it would fetch; nothing is fetched. */
export async function surveyFiles(
  config: VmConfig,
  files: VmFiles,
  options: { readonly signal: AbortSignal },
): Promise<{ missing: { name: string; bytes: number }[]; issue: string | null }> {
  const missing: { name: string; bytes: number }[] = [];
  for (const { path, use } of filesOf(config)) {
    try {
      const name = nameBelow(path, files.store.root);
      const lacking = await files.missing(name, options);
      const image: ImageFile | undefined =
        lacking.find((file) => file.name === name) ?? (await files.describe(name).catch(firstOnly(lacking)))[0];
      const why = use && image ? whyUnusable(name, image.facts, use) : null;
      if (why !== null) return { missing: [], issue: why };
      missing.push(...lacking.map((file) => ({ name: file.name, bytes: file.bytes })));
    } catch (error) {
      if (options.signal.aborted) throw error;
      return { missing: [], issue: describeError(error) };
    }
  }
  return { missing, issue: null };
}

/** A file that is here, while a backing file of it is not, is described once all have come. */
function firstOnly(lacking: readonly unknown[]) {
  return (error: unknown): readonly ImageFile[] => {
    if (lacking.length > 0) return [];
    throw error;
  };
}

/**
 * Brings the files of a configuration here and looks at them. @throws AppError that names the file
 */
export async function ensureImages(
  config: VmConfig,
  files: VmFiles,
  options: { readonly signal: AbortSignal; readonly onFetch?: (status: FetchStatus) => void },
): Promise<VmImages> {
  const disks: QemuDisk[] = [];
  const reads: string[] = [];
  const all: string[] = [];
  const { root } = files.store;
  for (const { path, use } of filesOf(config)) {
    const name = nameBelow(path, root);
    await files.ensure(name, {
      signal: options.signal,
      onProgress: (status) => options.onFetch?.(status),
    });
    const chain = await files.describe(name);
    const [image] = chain;
    const why = use && image ? whyUnusable(name, image.facts, use) : null;
    if (why !== null) throw new AppError('refused', why);
    const paths = chain.map((file) => `${root}/${file.name}`);
    all.push(...paths);
    if (use !== 'disk') continue;
    const spec = config.disks[disks.length];
    // Anything but a qcow2 is the bytes of a disk, an ISO too.
    const format = image?.facts.format === 'qcow2' ? 'qcow2' : 'raw';
    disks.push({ path, format, interface: spec?.interface ?? null, cache: spec?.cache ?? null });
    reads.push(...paths.slice(1));
  }
  return { disks, reads, all: [...new Set(all)] };
}
