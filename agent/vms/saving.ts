// Saving a VM: its memory and devices, and what its disks hold at that moment, as files below -filepath. A launch with `config.state` and these disks
// continues where it stood.
//
//   the VM stands still → memory → disks → each file gets its name, the memory last
//
// INVARIANTS: a file has its name when all of it is on the disk. A save that fails, is cancelled or loses its QEMU leaves no file, and a VM that ran runs
// on. It holds the VM's turn, so that nothing starts the guest between memory and disks; `vm kill` ends the save first.
import { AppError, describeError } from '../../contract/errors.ts';
import { relativeName } from '../../core/files/file-name.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { backingName, inspectFile } from '../../host/images/chain.ts';
import type { DiskBacking } from '../../host/images/disk-tool.ts';
import { describeImage, headBytesFor, usualHeadBytes, whyUnusable } from '../../host/images/headers.ts';
import type { NewFile } from '../../host/images/image-store.ts';
import type { OverlayFile } from '../../host/qemu/hypervisor.ts';
import { nameBelow } from './images.ts';
import { assertMay } from './nets.ts';
import { cancelled, type VmParts } from './parts.ts';
import { assertLives } from './starting.ts';

/** Names below -filepath. */
export interface SaveNames {
  readonly state: string;
  /** Of each disk, in their order; null: the memory alone. */
  readonly disks: readonly string[] | null;
  /** Whether files that no VM needs are replaced. */
  readonly mayReplace: boolean;
}

export interface SaveOptions {
  readonly signal: AbortSignal;
  /** Bytes that are written. */
  readonly onProgress?: (bytes: number) => void;
}

/** A save that runs, or the last one of a VM that is still here. */
export interface SaveStatus {
  readonly id: number;
  readonly name: string;
  readonly namespace: string;
  readonly status: 'active' | 'completed' | 'failed' | 'cancelled';
  /** 0 to 100. */
  readonly percent: number;
}

interface Save {
  readonly abort: AbortController;
  status: SaveStatus['status'];
  readonly memoryBytes: number;
  diskBytes: number;
  /** Of its disks. */
  doneBytes: number;
  isMemoryDone: boolean;
}

const mib = 1024 * 1024;
/** Of a disk, at a time. */
const pieceBytes = mib;

export class Saves {
  private readonly parts: VmParts;
  private readonly byId = new Map<number, Save>();

  constructor(parts: VmParts) {
    this.parts = parts;
    parts.book.onChange((_changed, gone) => {
      for (const id of gone) this.byId.delete(id);
    });
  }

  /** Ends a save of this VM that runs or waits. */
  cancel(id: number): void {
    this.byId
      .get(id)
      ?.abort.abort(new AppError('cancelled', 'the VM was killed while it was saved: nothing was saved'));
  }

  /** Of VMs of a namespace. */
  async list(namespace: string): Promise<readonly SaveStatus[]> {
    const { book, running } = this.parts;
    const saves = [...this.byId].flatMap(([id, save]) => {
      const record = book.get(id)?.record;
      return record?.namespace === namespace ? [{ record, save }] : [];
    });
    return Promise.all(
      saves.map(async ({ record: { id, name }, save }) => {
        const asked = save.status === 'active' && !save.isMemoryDone;
        // It may end while it is asked.
        const memory = asked ? await (running.get(id)?.savedPercent() ?? Promise.resolve(0)).catch(() => 0) : 100;
        return { id, name, namespace, status: save.status, percent: percentOf(save, memory) };
      }),
    );
  }

  /**
   * Saves a VM, which stands still afterwards, as in minimega. @throws AppError `refused` for what a launch could not have, `conflict` for files that are
   * there and may not be replaced, `cancelled`; nothing is saved then
   */
  async save(id: number, names: SaveNames, options: SaveOptions): Promise<void> {
    const { turns, stopping } = this.parts;
    if (this.byId.get(id)?.status === 'active')
      throw new AppError('conflict', 'it is being saved: `vm save` shows how far');
    const { config } = assertMay(id, 'save', this.parts);
    const save: Save = {
      ...{ abort: new AbortController(), status: 'active', memoryBytes: config.memory * mib },
      ...{ diskBytes: 0, doneBytes: 0, isMemoryDone: false },
    };
    this.byId.set(id, save);
    const signal = AbortSignal.any([options.signal, stopping, save.abort.signal]);
    try {
      await turns.run(id, () => this.saveNow(id, names, { ...options, signal, save }), signal);
      save.status = 'completed';
      this.parts.log.info(`vms: ${this.parts.book.get(id)?.record.name ?? ''} (${id}) is saved as ${names.state}`);
    } catch (error) {
      save.status = signal.aborted ? 'cancelled' : 'failed';
      const reason: unknown = signal.reason;
      throw signal.aborted && reason instanceof AppError ? reason : error;
    }
  }

  private async saveNow(
    id: number,
    names: SaveNames,
    { signal, save, onProgress }: SaveOptions & { readonly save: Save },
  ): Promise<void> {
    const { running, files } = this.parts;
    const record = assertMay(id, 'save', this.parts);
    assertCanBeLaunched(record);
    const vm = assertLives(running.get(id), id);
    const made: { readonly file: NewFile; readonly name: string }[] = [];
    const sources: DiskSource[] = [];
    let hasPaused = false;
    let written = 0;
    const say = (bytes: number) => onProgress?.((written += bytes));
    const begin = async (name: string) => {
      await this.assertFree(name, names.mayReplace);
      const file = await files.store.newFile(name);
      made.push({ file, name });
      return file;
    };
    try {
      if (record.state === 'RUNNING') {
        await vm.pause();
        hasPaused = true;
      }
      for (const [index] of (names.disks ?? []).entries()) sources.push(await openSource(record, index, this.parts));
      save.diskBytes = sources.reduce((sum, { content }) => sum + content.bytes, 0);
      await this.assertRoom(save.memoryBytes + save.diskBytes);
      const state = await begin(names.state);
      await vm.saveState(
        async (piece) => {
          await state.append(piece);
          say(piece.length);
        },
        { signal },
      );
      save.isMemoryDone = true;
      // What QEMU had in its memory of them is in the overlays now.
      for (const [index, name] of (names.disks ?? []).entries()) {
        await sources[index]?.content.close();
        const source = await openSource(record, index, this.parts);
        sources[index] = source;
        const file = await begin(name);
        await copyDisk(source, file, {
          signal,
          onBytes: (bytes) => {
            save.doneBytes += bytes;
            say(bytes);
          },
        });
        const { backing } = source;
        if (backing !== undefined)
          await files.store.disks.rebase(file.path, relative(name, backing), { isSafe: false, signal });
      }
      // A QEMU that was killed meanwhile has written nothing more.
      if (running.get(id) !== vm) throw new AppError('failed', `${record.name} ended while it was saved`);
      if (signal.aborted) throw cancelled();
      // The memory last: without its disks it is worth nothing.
      for (const { file } of made.toReversed()) await file.publish({ mayReplace: names.mayReplace });
    } catch (error) {
      for (const { file } of made) await file.discard();
      if (hasPaused && running.get(id) === vm)
        await vm
          .resume()
          .catch((cause: unknown) => this.parts.log.warn(`vms: ${record.name}: ${describeError(cause)}`));
      throw error;
    } finally {
      for (const { content } of sources) await content.close();
    }
  }

  private async assertFree(name: string, mayReplace: boolean): Promise<void> {
    const { book, files } = this.parts;
    if ((await files.store.stat(name)) === null) return;
    if (!mayReplace)
      throw new AppError('conflict', `${name} is there already: choose another name, or \`file delete\` it first`);
    const path = `${files.store.root}/${name}`;
    const user = book.all().find(({ images }) => images.includes(path));
    if (user)
      throw new AppError(
        'conflict',
        `${name} is in use by ${user.record.name}, which was launched from it: save under another name`,
      );
  }

  /** A full disk would stop other VMs too. */
  private async assertRoom(bytes: number): Promise<void> {
    const free = await this.parts.files.store.freeBytes();
    if (bytes > free)
      throw new AppError(
        'refused',
        `a save takes up to ${bytes} bytes, and ${free} are free below -filepath: make room there`,
      );
  }
}

function percentOf({ status, memoryBytes, diskBytes, doneBytes }: Save, memory: number): number {
  if (status === 'completed') return 100;
  return (memoryBytes * memory + 100 * doneBytes) / (memoryBytes + diskBytes);
}

/** Devices that came while it ran are in its memory, and a launch would not have them. @throws AppError `refused` */
function assertCanBeLaunched({ name, hotplug, nets, config }: VmRecord): void {
  if (hotplug.length > 0)
    throw new AppError(
      'refused',
      `${name} has USB disks that were added while it ran: \`vm hotplug remove ${name} all\` first`,
    );
  if (nets.length > config.networks.length)
    throw new AppError(
      'refused',
      `${name} has NICs that \`vm net add\` gave it: launch it with all its networks to save it`,
    );
}

interface DiskSource {
  readonly content: OverlayFile;
  /** Name of the image below it; null without one, undefined for a raw disk. */
  readonly backing: { readonly name: string; readonly format: 'qcow2' | 'raw' } | null | undefined;
}

/** Where what a VM wrote to its disk is. */
async function openSource({ id, config }: VmRecord, index: number, parts: VmParts): Promise<DiskSource> {
  const { files, hypervisor } = parts;
  const name = nameBelow(config.disks[index]?.path ?? '', files.store.root);
  const { facts } = await inspectFile(files.store, name);
  if (config.snapshot) {
    const content = await hypervisor.openOverlay(id, index);
    return { content, backing: { name, format: facts.format === 'qcow2' ? 'qcow2' : 'raw' } };
  }
  const content = await files.store.open(name);
  if (facts.format !== 'qcow2') return { content, backing: undefined };
  if (!facts.backing) return { content, backing: null };
  const format = facts.backing.format === 'qcow2' ? 'qcow2' : 'raw';
  return { content, backing: { name: backingName(name, facts.backing), format } };
}

function relative(name: string, backing: DiskSource['backing']): DiskBacking | null {
  return backing ? { file: relativeName(name, backing.name), format: backing.format } : null;
}

/** Copies a disk piece by piece. @throws AppError `refused` when a guest that broke out of its QEMU made something else of it */
async function copyDisk(
  { content, backing }: DiskSource,
  file: NewFile,
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (bytes: number) => void },
): Promise<void> {
  if (backing !== undefined) {
    const head = await content.read(0, usualHeadBytes);
    const wanted = headBytesFor(head);
    const facts = describeImage(wanted > head.length ? await content.read(0, wanted) : head, content.bytes);
    const why = whyUnusable('the overlay', facts, 'disk');
    if (why !== null || facts.format !== 'qcow2') throw new AppError('refused', why ?? 'the overlay is not qcow2');
  }
  for (let at = 0; at < content.bytes;) {
    if (signal.aborted) throw cancelled();
    const piece = await content.read(at, Math.min(pieceBytes, content.bytes - at));
    if (piece.length === 0) throw new AppError('failed', 'a disk became shorter while it was saved');
    await file.append(piece);
    at += piece.length;
    onBytes(piece.length);
  }
}
