// What a node writes down about its VMs: `vms/<id>.json` beside the identity, a record each, and a few lists under other names.
//
// INVARIANTS: a file is the old content or the new, never half of one. Nothing that cannot be read is deleted: it is set aside.
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../host/files.ts';
import { readIfThere } from '../identity/authority.ts';
import type { ProcessIdentity } from '../../host/detached.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { maxVmDisks } from '../../contract/limits.ts';
import { RecordShape } from './shapes.ts';

export interface VmStore {
  /** Names of what is there. */
  list(): Promise<readonly string[]>;
  /** null: nothing under this name. */
  read(name: string): Promise<string | null>;
  /** On the disk when it resolves. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Keeps what cannot be read, for a person to look at. @returns where */
  setAside(name: string): Promise<string>;
}

export class VmFolder implements VmStore {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  list(): Promise<readonly string[]> {
    return readdir(this.folder).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    });
  }

  read(name: string): Promise<string | null> {
    return readIfThere(join(this.folder, name));
  }

  write(name: string, text: string): Promise<void> {
    return writeFileAtomic(join(this.folder, name), text);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }

  async setAside(name: string): Promise<string> {
    const path = join(this.folder, `${name}.damaged`);
    await rename(join(this.folder, name), path);
    return path;
  }
}

/** What this node was doing to a VM when it was written down. After a crash it says what may be half-made. */
export type Doing = 'nothing' | 'launching' | 'starting' | 'flushing';

/** A VM as it is on disk. */
export interface StoredVm {
  readonly record: VmRecord;
  readonly doing: Doing;
  /** Its QEMU; null while none is known to run. */
  readonly process: ProcessIdentity | null;
  /** Absolute paths of all that it reads, its disks' backing files included. */
  readonly images: readonly string[];
}

/** Another number: a meshd that does not know it sets the file aside, and says so. */
const version = 1;
const Stored: z.ZodType<StoredVm & { readonly version: 1 }> = z.object({
  version: z.literal(version),
  record: RecordShape,
  doing: z.enum(['nothing', 'launching', 'starting', 'flushing']),
  process: z
    .object({ pid: z.number().int().min(1), startTicks: z.string().max(32), bootId: z.string().max(64) })
    .nullable(),
  images: z.array(z.string().max(8_192)).max(16 * (maxVmDisks + 4)),
});

export const recordName = (id: number) => `${id}.json`;
/** The id that a name is of; null for the name of something else. */
export function idOfName(name: string): number | null {
  const found = /^(\d{1,9})\.json/.exec(name)?.[1];
  return found === undefined ? null : Number(found);
}
export const isRecordName = (name: string) => /^\d{1,9}\.json$/.test(name);

export function storedText(vm: StoredVm): string {
  return JSON.stringify({ version, ...vm });
}

/** Null for what is not a record of a VM with this id. */
export function parseStored(text: string, id: number): StoredVm | null {
  const parsed = Stored.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.record.id !== id) return null;
  const { record, doing, process, images } = parsed.data;
  return { record, doing, process, images };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
