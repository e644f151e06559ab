// Disk specs of `vm config disks`: `PATH[,INTERFACE][,CACHE]` [facts 5.5]. Owns their reading and printing. Whether a file exists, and what
// is in it, is the host's business (host/images).
import { parseFilePath } from './paths.ts';
import { bad, good, type Result } from './result.ts';

export const diskInterfaces = ['ahci', 'ide', 'scsi', 'sd', 'mtd', 'floppy', 'pflash', 'virtio'] as const;
export const diskCaches = ['none', 'writeback', 'unsafe', 'directsync', 'writethrough'] as const;

export interface DiskSpec {
  /** Absolute, below -filepath. */
  readonly path: string;
  /** Null: ide, QEMU's default on a PC. */
  readonly interface: (typeof diskInterfaces)[number] | null;
  /** Null: unsafe for a snapshot, which is thrown away; otherwise writeback. */
  readonly cache: (typeof diskCaches)[number] | null;
}

/** Reads one spec; a relative path is below `filesPath`. Commas separate: an image with one in its name must be renamed. */
export function parseDiskSpec(text: string, filesPath: string): Result<DiskSpec> {
  const [name = '', ...rest] = text.split(',', 4);
  const iface = diskInterfaces.find((known) => known === rest[0]) ?? null;
  if (iface) rest.shift();
  const cache = diskCaches.find((known) => known === rest[0]) ?? null;
  if (cache) rest.shift();
  if (name === '' || rest.length > 0) return bad('malformed diskspec');
  const path = parseFilePath(name, filesPath);
  return path.ok ? good({ path: path.value, interface: iface, cache }) : path;
}

/** Text of one spec, as minimega prints it: the absolute path, then what was given [obs]. */
export function describeDiskSpec(spec: DiskSpec): string {
  return [spec.path, spec.interface ?? '', spec.cache ?? ''].filter((part) => part !== '').join(',');
}

/**
 * Text of the first disk that two VMs, or one VM twice, would write, or null. With `snapshot` each VM writes its own overlay, and any number
 * may read the image; a VM that writes an image excludes all others [facts 5.5: `disk conflict: PATH`].
 */
export function findDiskConflict(
  users: readonly { readonly disks: readonly DiskSpec[]; readonly snapshot: boolean }[],
): string | null {
  const readers = new Set<string>();
  const writers = new Set<string>();
  for (const { disks, snapshot } of users) {
    for (const { path } of disks) {
      if (writers.has(path) || (!snapshot && readers.has(path))) return `disk conflict: ${path}`;
      (snapshot ? readers : writers).add(path);
    }
  }
  return null;
}
