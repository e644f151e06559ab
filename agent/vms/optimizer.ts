// `optimize`: what of this host is tuned for its VMs, and taken back by `clear optimize`. Kept on the disk, so that a meshd that starts again knows what
// the host had before.
//
// - KSM merges equal pages of all VMs. What the kernel had is kept, and comes back.
// - Huge pages are for VMs that start from then on.
// - Affinity pins each VM to one processor, the one that fewest VMs are on.
import { z } from 'zod';
import { AppError, describeError } from '../../contract/errors.ts';
import type { VmRecord } from '../../core/vms/record.ts';
import { parseCpuList } from '../../host/cpu-list.ts';
import type { HostTuning, KsmSettings } from '../../host/tuning.ts';
import type { Log } from '../log.ts';
import type { LocalVms } from './local-vms.ts';
import { parseJson, type VmStore } from './vm-store.ts';

const Kept = z.object({
  /** What the kernel had before; null while KSM is the kernel's business. */
  ksm: z.object({ run: z.number(), pagesToScan: z.number(), sleepMs: z.number() }).nullable(),
  hugepages: z.string().max(4_096),
  hasAffinity: z.boolean(),
  /** Processors that VMs may be on; null for all. */
  filter: z.array(z.number().int().min(0)).max(65_536).nullable(),
});
type Kept = z.infer<typeof Kept>;

const keptName = 'optimize.json';
const untouched: Kept = { ksm: null, hugepages: '', hasAffinity: false, filter: null };
/** minimega's: each 10 ms, many pages. */
const busyKsm: KsmSettings = { run: 1, pagesToScan: 100_000, sleepMs: 10 };

export interface OptimizerComponents {
  readonly tuning: HostTuning;
  readonly store: Pick<VmStore, 'read' | 'write'>;
  readonly log: Pick<Log, 'warn'>;
}

export interface CpuRow {
  readonly cpu: number;
  readonly pids: readonly number[];
}

export class Optimizer {
  private readonly components: OptimizerComponents;
  private kept: Kept;
  private vms: Pick<LocalVms, 'list'> | null = null;
  /** Processor by pid. */
  private readonly pinned = new Map<number, number>();
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(kept: Kept, components: OptimizerComponents) {
    this.kept = kept;
    this.components = components;
  }

  static async open(components: OptimizerComponents): Promise<Optimizer> {
    const text = await components.store.read(keptName);
    const kept = text === null ? untouched : Kept.safeParse(parseJson(text)).data;
    if (!kept) components.log.warn(`optimize: ${keptName} cannot be read: what the kernel had before is not known`);
    return new Optimizer(kept ?? untouched, components);
  }

  /** Pins VMs that start from now on. Call the function returned to end that. */
  follow(vms: Pick<LocalVms, 'list' | 'onChange'>): () => void {
    this.vms = vms;
    const look = () => {
      if (this.kept.hasAffinity) this.pinAll().catch(this.warn);
    };
    look();
    return vms.onChange(look);
  }

  /** Folder of huge pages for the next VM that starts; empty for none. */
  get hugepages(): string {
    return this.kept.hugepages;
  }

  get status(): { readonly ksm: boolean; readonly hugepages: string; readonly affinity: boolean } {
    const { ksm, hugepages, hasAffinity } = this.kept;
    return { ksm: ksm !== null, hugepages, affinity: hasAffinity };
  }

  /** @throws AppError `refused` without KSM in the kernel */
  setKsm(isOn: boolean): Promise<void> {
    return this.inTurn(async () => {
      const { tuning } = this.components;
      const { ksm } = this.kept;
      if (!isOn) {
        if (ksm === null) return;
        await tuning.writeKsm(ksm);
        await this.keep({ ksm: null });
        return;
      }
      const before = ksm ?? (await tuning.readKsm());
      if (before === null)
        throw new AppError('refused', 'the kernel of this node has no KSM: there is no /sys/kernel/mm/ksm');
      // First what it had, so that a crash in between loses nothing.
      await this.keep({ ksm: before });
      await tuning.writeKsm(busyKsm);
    });
  }

  /** Empty: without huge pages. @throws AppError `refused` for a folder that has none */
  setHugepages(path: string): Promise<void> {
    return this.inTurn(async () => {
      if (path !== '' && (!path.startsWith('/') || !(await this.components.tuning.hasHugepages(path)))) {
        throw new AppError(
          'refused',
          `${path.slice(0, 200)} is not a hugetlbfs: reserve pages (sysctl vm.nr_hugepages=N), and mount -t hugetlbfs none /dev/hugepages`,
        );
      }
      await this.keep({ hugepages: path });
    });
  }

  setAffinity(isOn: boolean): Promise<void> {
    return this.inTurn(async () => {
      await this.keep({ hasAffinity: isOn });
      if (isOn) await this.pinNow();
      else await this.unpinAll();
    });
  }

  /** Processors such as `0,2-4`; null: all. @throws AppError `invalid` */
  setFilter(text: string | null): Promise<void> {
    return this.inTurn(async () => {
      const { cpus } = this.components.tuning;
      const filter = text === null ? null : parseCpuList(text, cpus);
      if (text !== null && filter === null)
        throw new AppError(
          'invalid',
          `\`${text.slice(0, 80)}\`: processors of this node are 0 to ${cpus - 1}, such as 0,2-3`,
        );
      await this.keep({ filter });
      this.pinned.clear();
      if (this.kept.hasAffinity) await this.pinNow();
    });
  }

  /** All as it was. */
  async clear(): Promise<void> {
    await this.setKsm(false);
    await this.setHugepages('');
    await this.setAffinity(false);
    await this.setFilter(null);
  }

  affinity(): readonly CpuRow[] {
    return this.allowed().map((cpu) => ({
      cpu,
      pids: [...this.pinned].flatMap(([pid, on]) => (on === cpu ? [pid] : [])).sort((a, b) => a - b),
    }));
  }

  private readonly warn = (error: unknown) => {
    this.components.log.warn(`optimize: ${describeError(error)}`);
  };

  private allowed(): number[] {
    return this.kept.filter ?? Array.from({ length: this.components.tuning.cpus }, (_, cpu) => cpu);
  }

  private pinAll(): Promise<void> {
    return this.inTurn(() => (this.kept.hasAffinity ? this.pinNow() : Promise.resolve()));
  }

  private async pinNow(): Promise<void> {
    const pids = pidsOf(this.vms?.list(null) ?? []);
    for (const pid of this.pinned.keys()) if (!pids.has(pid)) this.pinned.delete(pid);
    for (const pid of pids) {
      if (this.pinned.has(pid)) continue;
      const rows = this.affinity();
      const [first = { cpu: 0, pids: [] }] = rows;
      const { cpu } = rows.reduce((best, row) => (row.pids.length < best.pids.length ? row : best), first);
      await this.components.tuning.pin(pid, [cpu]);
      this.pinned.set(pid, cpu);
    }
  }

  private async unpinAll(): Promise<void> {
    const { tuning } = this.components;
    const all = Array.from({ length: tuning.cpus }, (_, cpu) => cpu);
    for (const pid of pidsOf(this.vms?.list(null) ?? [])) if (this.pinned.has(pid)) await tuning.pin(pid, all);
    this.pinned.clear();
  }

  private async keep(change: Partial<Kept>): Promise<void> {
    const next = { ...this.kept, ...change };
    if (JSON.stringify(next) !== JSON.stringify(this.kept))
      await this.components.store.write(keptName, JSON.stringify(next));
    this.kept = next;
  }

  private inTurn<T>(does: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(does);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

const pidsOf = (records: readonly VmRecord[]) => new Set(records.map(({ pid }) => pid).filter((pid) => pid !== 0));
