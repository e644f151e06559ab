// What the `disk` commands do to images below -filepath of this node. Owns the decisions: who uses an image, whose backing file it is, and that a
// new one has its name when it is whole. The work itself is the store's (host/images/disk-tool.ts).
//
// INVARIANTS: an image that a VM needs, also for its next start, is not changed, and nor is one whose overlays would show other contents. One
// command at a time changes an image.
import { AppError } from '../../contract/errors.ts';
import { maxListedFiles } from '../../contract/limits.ts';
import { parseDiskSize } from '../../core/files/disk-size.ts';
import { parseImageName, relativeName } from '../../core/files/file-name.ts';
import { backingName, inspectFile, resolveChain, type ImageFile } from '../../host/images/chain.ts';
import type { DiskBacking, DiskFormat } from '../../host/images/disk-tool.ts';
import { whyUnusable } from '../../host/images/headers.ts';
import type { Files } from './files.ts';

/** A VM that needs a file. */
export interface DiskUser {
  readonly name: string;
  readonly namespace: string;
  /** The guest writes to the file itself, without an overlay. */
  readonly isWriter: boolean;
}

export interface DisksComponents {
  readonly files: Pick<Files, 'store' | 'inspections' | 'whyBusy'>;
  /** VMs of this node that need the file with this path. */
  readonly usersOf: (path: string) => readonly DiskUser[];
  /** Digits for an image without a name. */
  readonly newDigits: () => string;
}

export interface DiskInfo {
  readonly name: string;
  readonly format: string;
  readonly virtualBytes: number;
  readonly storedBytes: number;
  /** As the image has it; empty without one. */
  readonly backing: string;
  readonly isInUse: boolean;
}

interface Signal {
  readonly signal?: AbortSignal;
}

export class Disks {
  private readonly components: DisksComponents;
  /** By name: what is done to it now. */
  private readonly busy = new Map<string, string>();

  constructor(components: DisksComponents) {
    this.components = components;
  }

  async create(format: DiskFormat, text: string, size: string, { signal }: Signal = {}): Promise<void> {
    const name = this.nameOf(text);
    const bytes = parseDiskSize(size, null);
    if (!bytes.ok) throw new AppError('invalid', bytes.message);
    await this.make(name, { format, bytes: bytes.value, backing: null }, signal);
  }

  /** An image and, when asked for, its backing files. @throws AppError `not-found`, `refused` for a chain that leads elsewhere */
  async info(text: string, { isRecursive }: { readonly isRecursive: boolean }): Promise<readonly DiskInfo[]> {
    const { store } = this.components.files;
    const name = this.nameOf(text);
    const images = isRecursive ? await resolveChain(store, name) : [await inspectFile(store, name)];
    return Promise.all(
      images.map(async ({ name: image, bytes, facts }) => ({
        name: image,
        format: facts.format === 'qcow2' ? 'qcow2' : whyUnusable(image, facts, 'disk') === null ? 'raw' : facts.format,
        virtualBytes: facts.virtualBytes,
        storedBytes: (await store.stat(image))?.storedBytes ?? bytes,
        backing: facts.backing?.file ?? '',
        isInUse: this.components.usersOf(this.pathOf(image)).length > 0,
      })),
    );
  }

  /** An overlay over an image; its absolute path. */
  async snapshot(text: string, target: string | null, { signal }: Signal = {}): Promise<string> {
    const base = this.nameOf(text);
    const name = target === null ? `snapshot${this.components.newDigits()}` : this.nameOf(target);
    const { store } = this.components.files;
    const [image] = await resolveChain(store, base);
    if (!image) throw new AppError('not-found', `${base}: file not found`);
    const writers = this.components.usersOf(this.pathOf(base)).filter(({ isWriter }) => isWriter);
    if (writers.length > 0) throw inUse(base, writers);
    const backing = { file: relativeName(name, base), format: formatOf(image) };
    await this.make(name, { format: 'qcow2', bytes: image.facts.virtualBytes, backing }, signal);
    return this.pathOf(name);
  }

  /** @throws AppError `refused` for what has no backing file to change, `conflict` while a VM needs it */
  async rebase(
    text: string,
    target: string | null,
    { signal, isSafe }: Signal & { readonly isSafe: boolean },
  ): Promise<void> {
    const name = this.nameOf(text);
    const what = isSafe ? 'disk rebase' : 'disk set-backing';
    await this.alone([name], what, async () => {
      const { store } = this.components.files;
      // What it has now is read by a rebase alone.
      const [image] = isSafe ? await resolveChain(store, name) : [await inspectFile(store, name)];
      assertQcow2(name, image, 'has no place for the name of a backing file');
      let backing: DiskBacking | null = null;
      if (target !== null) {
        const base = this.nameOf(target);
        const chain = await resolveChain(store, base);
        if (chain.some((each) => each.name === name))
          throw new AppError('refused', `${base} is ${name}, or has it among its own backing files`);
        const [found] = chain;
        if (found) backing = { file: relativeName(name, base), format: formatOf(found) };
      }
      await store.disks.rebase(this.pathOf(name), backing, { isSafe, ...(signal ? { signal } : {}) });
    });
  }

  /** @throws AppError `refused` without a backing file, or while other images have the same one; `conflict` while a VM needs either */
  async commit(text: string, { signal }: Signal = {}): Promise<void> {
    const { store } = this.components.files;
    const name = this.nameOf(text);
    const [image, base] = await resolveChain(store, name);
    assertQcow2(name, image, 'has no backing file');
    if (!base) throw new AppError('refused', `${name} has no backing file: there is nothing to write its contents to`);
    await this.alone([name, base.name], 'disk commit', async () => {
      const others = (await this.overlaysOf(base.name)).filter((each) => each !== name);
      if (others.length > 0) {
        throw new AppError(
          'refused',
          `${some(others)} lie${others.length === 1 ? 's' : ''} over ${base.name} too, and would show other contents: ` +
            '`disk rebase` them onto nothing, or delete them, first',
        );
      }
      await store.disks.commit(this.pathOf(name), signal ? { signal } : {});
    });
  }

  async resize(text: string, size: string, { signal }: Signal = {}): Promise<void> {
    const { store } = this.components.files;
    const name = this.nameOf(text);
    await this.alone([name], 'disk resize', async () => {
      const [image] = await resolveChain(store, name);
      const format = image && formatOf(image);
      if (!image || !format) throw new AppError('not-found', `${name}: file not found`);
      const now = image.facts.virtualBytes;
      const bytes = parseDiskSize(size, now);
      if (!bytes.ok) throw new AppError('invalid', bytes.message);
      if (bytes.value < now) {
        throw new AppError(
          'refused',
          `${name} has ${now} bytes, and ${bytes.value} would cut off what lies behind them: a disk is not made smaller`,
        );
      }
      await store.disks.resize(this.pathOf(name), { format, bytes: bytes.value }, signal ? { signal } : {});
    });
  }

  private async make(
    name: string,
    disk: { readonly format: DiskFormat; readonly bytes: number; readonly backing: DiskBacking | null },
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { store } = this.components.files;
    if (await store.stat(name)) {
      throw new AppError('conflict', `${name} is there already: choose another name, or \`file delete\` it first`);
    }
    await this.alone([name], 'making it', async () => {
      const file = await store.newFile(name);
      try {
        await store.disks.create(file.path, disk, signal ? { signal } : {});
      } catch (error) {
        await file.discard();
        throw error;
      }
      await file.publish({ mayReplace: false });
    });
  }

  /** Images below -filepath that have this one as their backing file. */
  private async overlaysOf(base: string): Promise<string[]> {
    const { store, inspections } = this.components.files;
    const { entries } = await store.list('', { isRecursive: true, most: maxListedFiles });
    const found: string[] = [];
    for (const entry of entries) {
      if (entry.isFolder || entry.bytes === 0) continue;
      const { backing } = await inspections.of(entry);
      if (backing === null) continue;
      try {
        if (backingName(entry.name, backing) === base) found.push(entry.name);
      } catch {
        // Its backing file lies elsewhere, so it is not this one.
      }
    }
    return found;
  }

  /** @throws AppError `conflict` while a VM needs one of them, one is on its way here, or another command changes it */
  private async alone(names: readonly string[], what: string, does: () => Promise<void>): Promise<void> {
    for (const name of names) {
      const doing = this.busy.get(name);
      if (doing !== undefined)
        throw new AppError('conflict', `${name} is busy (${doing}): try again when that is over`);
      const why = this.components.files.whyBusy(name);
      if (why !== null) throw new AppError('conflict', why);
      const users = this.components.usersOf(this.pathOf(name));
      if (users.length > 0) throw inUse(name, users);
    }
    for (const name of names) this.busy.set(name, what);
    try {
      await does();
    } finally {
      for (const name of names) this.busy.delete(name);
    }
  }

  /** @throws AppError `invalid` */
  private nameOf(text: string): string {
    const parsed = parseImageName(text, this.components.files.store.root);
    if (!parsed.ok) throw new AppError('invalid', parsed.message);
    return parsed.name;
  }

  private pathOf(name: string): string {
    return `${this.components.files.store.root}/${name}`;
  }
}

/** @throws AppError `refused` for a file that is not a disk */
function formatOf({ name, facts }: ImageFile): DiskFormat {
  const why = whyUnusable(name, facts, 'disk');
  if (why !== null) throw new AppError('refused', why);
  return facts.format === 'qcow2' ? 'qcow2' : 'raw';
}

function assertQcow2(name: string, image: ImageFile | undefined, otherwise: string): void {
  if (!image) throw new AppError('not-found', `${name}: file not found`);
  if (image.facts.problem !== null) throw new AppError('refused', `${name}: ${image.facts.problem}`);
  if (image.facts.format !== 'qcow2')
    throw new AppError('refused', `${name} is ${image.facts.format}, which ${otherwise}: only qcow2 images have one`);
}

const some = (names: readonly string[]) =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');

function inUse(name: string, users: readonly DiskUser[]): AppError {
  const vms = users.map((user) => `${user.name} (namespace ${user.namespace})`);
  const them = vms.length === 1 ? 'that VM' : 'those VMs';
  return new AppError(
    'conflict',
    `${name} is in use by ${some(vms)}: \`vm kill\` and \`vm flush\` ${them} first, or \`disk snapshot\` it`,
  );
}
