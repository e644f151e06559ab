// The VMs of this node, in memory and on disk. Owns which there are and what is known of each; what is done to them is not its business.
//
// INVARIANTS
// - Ids are given once: the counter is on disk before an id is used.
// - A change counts here at once, so that the next decision sees it, and is on disk when its promise resolves.
// - One write of a VM's record at a time; what changes meanwhile goes together into the next.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import type { Log } from '../log.ts';
import {
  idOfName,
  isRecordName,
  parseJson,
  parseStored,
  recordName,
  storedText,
  type StoredVm,
  type VmStore,
} from './vm-store.ts';

/** The records that changed and the ids that are gone. */
export type BookListener = (changed: readonly VmRecord[], gone: readonly number[]) => void;

export interface VmBookComponents {
  readonly store: VmStore;
  readonly log: Pick<Log, 'error' | 'warn'>;
}

const counterName = 'counter.json';
const Counter = z.object({ next: z.number().int().min(0) });

export class VmBook {
  private readonly components: VmBookComponents;
  private readonly vms = new Map<number, StoredVm>();
  /** Ids by tap. */
  private readonly taps = new Map<string, number>();
  private readonly listeners = new Set<BookListener>();
  /** Writes that run, and the ones that come after them, by id. */
  private readonly writing = new Map<number, Promise<void>>();
  private readonly next = new Map<number, Promise<void>>();
  private nextId: number;
  private counting: Promise<unknown> = Promise.resolve();

  private constructor(vms: readonly StoredVm[], nextId: number, components: VmBookComponents) {
    this.components = components;
    this.nextId = nextId;
    for (const vm of [...vms].sort((a, b) => a.record.id - b.record.id)) this.put(vm.record.id, vm);
  }

  /** `host`: name of this node, which may have another than when its records were written. */
  static async open(host: string, components: VmBookComponents): Promise<VmBook> {
    const { store, log } = components;
    const vms: StoredVm[] = [];
    let nextId = 0;
    for (const name of await store.list()) {
      const id = idOfName(name);
      if (id === null) continue;
      // Also of those that were set aside: their folders may still be there.
      nextId = Math.max(nextId, id + 1);
      if (!isRecordName(name)) continue;
      const stored = parseStored((await store.read(name)) ?? '', id);
      if (stored) vms.push({ ...stored, record: { ...stored.record, host } });
      else {
        const aside = await store.setAside(name);
        log.error(
          `vms: the record of the VM with id ${id} cannot be read and is kept as ${aside}: this node no longer knows that VM. ` +
            `If its QEMU runs, end it by hand; its disks stay where they are`,
        );
      }
    }
    const text = await store.read(counterName);
    const counter = Counter.safeParse(text === null ? null : parseJson(text));
    if (counter.success) nextId = Math.max(nextId, counter.data.next);
    else if (text !== null) log.warn(`vms: the counter of ids cannot be read: the next VM gets the id ${nextId}`);
    return new VmBook(vms, nextId, components);
  }

  get size(): number {
    return this.vms.size;
  }

  get(id: number): StoredVm | undefined {
    return this.vms.get(id);
  }

  /** The VM that has this tap. */
  onTap(tap: string): VmRecord | undefined {
    const id = this.taps.get(tap);
    return id === undefined ? undefined : this.vms.get(id)?.record;
  }

  /** By id. */
  all(): StoredVm[] {
    return [...this.vms.values()];
  }

  records(): VmRecord[] {
    return this.all().map(({ record }) => record);
  }

  onChange(listener: BookListener): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** @throws AppError `failed` when the counter cannot be saved: then no id was given */
  takeIds(count: number): Promise<number[]> {
    const taken = this.counting.then(async () => {
      const first = this.nextId;
      await this.save(counterName, JSON.stringify({ next: first + count }));
      this.nextId = first + count;
      return Array.from({ length: count }, (_, at) => first + at);
    });
    this.counting = taken.catch(() => undefined);
    return taken;
  }

  /** @throws AppError `failed` when it cannot be saved: then it is not there */
  async add(vm: StoredVm): Promise<void> {
    const { id } = vm.record;
    this.put(id, vm);
    this.tell([vm.record], []);
    try {
      await this.write(id);
    } catch (error) {
      this.put(id, null);
      this.tell([], [id]);
      throw error;
    }
  }

  /**
   * Changes a VM, unless it is gone. @throws AppError `failed` when it cannot be saved: the change counts until this meshd ends
   */
  async update(id: number, change: (vm: StoredVm) => StoredVm): Promise<void> {
    const before = this.vms.get(id);
    if (!before) return;
    const after = change(before);
    if (after === before) return;
    this.put(id, after);
    if (after.record !== before.record) this.tell([after.record], []);
    await this.write(id);
  }

  /** A change that is seen again after a restart: it is on disk with the next write. */
  note(id: number, change: (record: VmRecord) => VmRecord): void {
    const before = this.vms.get(id);
    if (!before) return;
    const record = change(before.record);
    if (record === before.record) return;
    this.put(id, { ...before, record });
    this.tell([record], []);
  }

  /** Shorthand for changes of the record alone. */
  updateRecord(id: number, change: (record: VmRecord) => VmRecord): Promise<void> {
    return this.update(id, (vm) => ({ ...vm, record: change(vm.record) }));
  }

  async remove(id: number): Promise<void> {
    if (!this.vms.has(id)) return;
    this.put(id, null);
    this.tell([], [id]);
    await this.writing.get(id)?.catch(() => undefined);
    try {
      await this.components.store.remove(recordName(id));
    } catch (cause) {
      throw notSaved(cause);
    }
  }

  /** Resolves when what is known of the VM now is on disk, or could not be written. */
  async saved(id: number): Promise<void> {
    await Promise.allSettled([this.writing.get(id), this.next.get(id)]);
  }

  /** Resolves when all that runs now is on disk, or has failed. */
  async flush(): Promise<void> {
    await Promise.allSettled([...this.writing.values(), ...this.next.values()]);
  }

  private put(id: number, vm: StoredVm | null): void {
    const before = this.vms.get(id)?.record.nets ?? [];
    if (vm === null) this.vms.delete(id);
    else this.vms.set(id, vm);
    const nets = vm?.record.nets ?? [];
    if (nets === before) return;
    for (const { tap } of before) if (this.taps.get(tap) === id) this.taps.delete(tap);
    for (const { tap } of nets) if (tap !== '') this.taps.set(tap, id);
  }

  private write(id: number): Promise<void> {
    const running = this.writing.get(id);
    if (running) {
      const known = this.next.get(id);
      if (known) return known;
      const after = running
        .catch(() => undefined)
        .then(() => {
          this.next.delete(id);
          return this.writeNow(id);
        });
      this.next.set(id, after);
      return after;
    }
    return this.writeNow(id);
  }

  private writeNow(id: number): Promise<void> {
    const vm = this.vms.get(id);
    if (!vm) return Promise.resolve();
    const written = this.save(recordName(id), storedText(vm)).finally(() => {
      if (this.writing.get(id) === written) this.writing.delete(id);
    });
    this.writing.set(id, written);
    return written;
  }

  private async save(name: string, text: string): Promise<void> {
    try {
      await this.components.store.write(name, text);
    } catch (cause) {
      throw notSaved(cause);
    }
  }

  private tell(changed: readonly VmRecord[], gone: readonly number[]): void {
    for (const listener of [...this.listeners]) listener(changed, gone);
  }
}

function notSaved(cause: unknown): AppError {
  return new AppError('failed', `the VM's record cannot be saved: ${describeError(cause)}`, { cause });
}
