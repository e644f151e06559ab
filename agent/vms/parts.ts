// What the parts of a node's VMs share, and the two ways in which they wait for each other.
import { AppError } from '../../contract/errors.ts';
import { maxLaunchesAtOnce } from '../../contract/limits.ts';
import type { BondSpec } from '../../core/vms/bond-spec.ts';
import type { VmNet, VmRecord } from '../../core/vms/record.ts';
import type { Hypervisor } from '../../host/qemu/hypervisor.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../mesh/clock.ts';
import type { VmFiles } from './images.ts';
import type { RunningVms } from './running-vms.ts';
import type { WantedPort } from '../../host/ovs/compare.ts';
import type { Switch } from './switch.ts';
import type { VmBook } from './vm-book.ts';

export interface VmParts {
  readonly book: VmBook;
  readonly hypervisor: Hypervisor;
  readonly ports: Switch;
  readonly files: VmFiles;
  readonly running: RunningVms;
  readonly turns: Turns;
  /** QEMUs that start now. */
  readonly slots: Slots;
  /** A hugetlbfs for the memory of VMs that start; empty for none. */
  readonly hugepages?: () => string;
  /** Aborted when this meshd stops. */
  readonly stopping: AbortSignal;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

export const cancelled = () => new AppError('cancelled', 'cancelled before it was started');

/** One thing at a time for each VM, in the order in which they were asked for. */
export class Turns {
  private readonly last = new Map<number, Promise<unknown>>();

  /** @throws AppError `cancelled` when the signal comes before its turn; otherwise what `does` throws */
  run<T>(id: number, does: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const before = this.last.get(id) ?? Promise.resolve();
    let hasBegun = false;
    const mine = before.then(() => {
      if (signal?.aborted) throw cancelled();
      hasBegun = true;
      return does();
    });
    const ended = mine
      .catch(() => undefined)
      .then(() => {
        if (this.last.get(id) === ended) this.last.delete(id);
      });
    this.last.set(id, ended);
    if (!signal) return mine;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (!hasBegun) reject(cancelled());
      };
      signal.addEventListener('abort', onAbort, { once: true });
      mine.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.last.size > 0) await Promise.all(this.last.values());
  }
}

/** At most so many at a time. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count = maxLaunchesAtOnce) {
    this.free = count;
  }

  async run<T>(does: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => void this.waiting.push(resolve));
    try {
      return await does();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

/** The ports of a VM that the switch is to have. */
export function portsOf(record: VmRecord, hypervisor: Pick<Hypervisor, 'userOf'>): WantedPort[] {
  const user = hypervisor.userOf(record.id) ?? process.getuid?.() ?? 0;
  return record.nets
    .map((net, index) => ({ tap: net.tap, owner: String(record.id), user, place: placeOf(record, index) }))
    .filter(({ tap }) => tap !== '');
}

/** Where the port of a NIC is; null while it is on no bridge. */
export function placeOf({ config, nets }: Pick<VmRecord, 'config' | 'nets'>, index: number): WantedPort['place'] {
  const net = nets[index];
  if (!net || net.vlan < 0 || net.bridge === '') return null;
  const bond = config.bonds.find(({ interfaces }) => interfaces.includes(index));
  const kind = (bond?.qinq ?? false) || net.qinq ? 'qinq' : 'access';
  const place = { bridge: net.bridge, vlan: { kind, tag: net.vlan } as const };
  if (!bond) return place;
  const { mode, lacp, hasFallback } = bond;
  return { ...place, bond: { name: bondNameOf(bond, nets), mode, lacp, hasFallback } };
}

/** minimega counts its bonds; ours has the number of its first tap, which nobody else on the node has. */
export function bondNameOf({ name, interfaces }: BondSpec, nets: readonly VmNet[]): string {
  return name === '' ? (nets[interfaces[0] ?? 0]?.tap ?? '').replace('tap', 'bond') : name;
}

/** A VM that has a QEMU, or is about to: its processors and memory are taken. */
export const isCommitted = ({ state }: Pick<VmRecord, 'state'>) =>
  state === 'BUILDING' || state === 'RUNNING' || state === 'PAUSED';

export const notFound = (id: number) => new AppError('not-found', `vm not found: ${id}`);
