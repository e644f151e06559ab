// What of a host can be tuned for its VMs: sharing of equal memory pages (KSM), huge pages, and which processors a process runs on. Owns the interface;
// this Linux host (linux-tuning.ts) and one in memory, for simulated nodes and tests, implement it. Who decides is agent/vms/optimizer.ts.

/** /sys/kernel/mm/ksm (Linux Documentation/admin-guide/mm/ksm.rst). */
export interface KsmSettings {
  /** 1: it merges pages; 0: it stops; 2: it stops and takes merged pages apart. */
  readonly run: number;
  readonly pagesToScan: number;
  readonly sleepMs: number;
}

export interface HostTuning {
  /** Null when the kernel has no KSM. */
  readKsm(): Promise<KsmSettings | null>;
  /** @throws AppError `failed` */
  writeKsm(settings: KsmSettings): Promise<void>;
  /** Whether a hugetlbfs is mounted at this folder. */
  hasHugepages(path: string): Promise<boolean>;
  readonly cpus: number;
  /** Lets all threads of a process run on these processors alone, counted from 0. @throws AppError `failed`; nothing for a process that has ended */
  pin(pid: number, cpus: readonly number[]): Promise<void>;
}

export interface MemoryTuning extends HostTuning {
  /** Null: the kernel has none. */
  ksm: KsmSettings | null;
  readonly hugepages: Set<string>;
  /** Processors by pid. */
  readonly pinned: ReadonlyMap<number, readonly number[]>;
}

export function createMemoryTuning(cpus = 4): MemoryTuning {
  const pinned = new Map<number, readonly number[]>();
  const tuning: MemoryTuning = {
    ksm: { run: 0, pagesToScan: 100, sleepMs: 20 },
    hugepages: new Set(),
    pinned,
    cpus,
    readKsm: () => Promise.resolve(tuning.ksm),
    writeKsm(settings) {
      tuning.ksm = settings;
      return Promise.resolve();
    },
    hasHugepages: (path) => Promise.resolve(tuning.hugepages.has(path)),
    pin(pid, on) {
      pinned.set(pid, on);
      return Promise.resolve();
    },
  };
  return tuning;
}
