// Taps of VMs: named in records before they are made, made in one go for all VMs of a launch, and removed together.
import { AppError, describeError } from '../../contract/errors.ts';
import type { VmNet, VmRecord } from '../../core/vms/record.ts';
import { portsOf, type VmParts } from './parts.ts';
import type { Switch } from './switch.ts';

type PortParts = Pick<VmParts, 'book' | 'hypervisor' | 'ports'>;

/**
 * Gives each NIC of these VMs that has none a tap, on its bridge and VLAN. A bridge that is not there is made, as minimega does. `onMade`: a try
 * has made the taps, the switch acts on them next; a try that then fails takes them away again. @returns why it failed, by id; such a VM has the
 * taps that it had before.
 */
export async function ensurePorts(
  ids: readonly number[],
  parts: PortParts,
  onMade?: () => void,
): Promise<Map<number, string>> {
  const { book, ports } = parts;
  const failed = new Map<number, string>();
  const fresh = new Map<number, string[]>();
  const without = ids.filter((id) => lacksTaps(book.get(id)?.record));
  if (without.length === 0) return failed;
  const count = (id: number) => book.get(id)?.record.nets.filter(({ tap }) => tap === '').length ?? 0;
  let names: string[];
  try {
    names = ports.reserveTaps(without.reduce((sum, id) => sum + count(id), 0));
  } catch (error) {
    return new Map(without.map((id) => [id, describeError(error)]));
  }
  for (const id of without) fresh.set(id, names.splice(0, count(id)));
  const fail = (wrong: readonly number[], error: unknown) => {
    for (const id of wrong) if (!failed.has(id)) failed.set(id, describeError(error));
  };
  // On disk before the switch has them: a tap that nobody knows would stay for ever.
  await Promise.all(
    without.map((id) => {
      const taps = [...(fresh.get(id) ?? [])];
      const named = (net: VmNet): VmNet => (net.tap === '' ? { ...net, tap: taps.shift() ?? '' } : net);
      return book
        .updateRecord(id, (record) => ({ ...record, nets: record.nets.map(named) }))
        .catch((error: unknown) => fail([id], error));
    }),
  );
  await ensureBridges(without, parts, fail);
  const isGood = (id: number) => !failed.has(id);
  const portsFor = (id: number) => {
    const record = book.get(id)?.record;
    const taps = fresh.get(id) ?? [];
    return record ? portsOf(record, parts.hypervisor).filter(({ tap }) => taps.includes(tap)) : [];
  };
  for (let tries = 0; tries < 2; tries += 1) {
    const wanted = without.filter(isGood);
    if (wanted.length === 0) break;
    try {
      await ports.addPorts(wanted.flatMap(portsFor), onMade);
      break;
    } catch (error) {
      // All of them or none: the switch gets those that are not to blame again, without the others.
      const blamed = blamedOf(error, wanted, fresh);
      fail(blamed.length > 0 && tries === 0 ? blamed : wanted, error);
    }
  }
  for (const id of failed.keys()) await dropTaps(id, fresh.get(id) ?? [], parts);
  return failed;
}

/** The VMs whose taps an error names. */
function blamedOf(error: unknown, ids: readonly number[], fresh: ReadonlyMap<number, readonly string[]>): number[] {
  const named = error instanceof AppError ? error.detail?.['ports'] : undefined;
  if (typeof named !== 'object' || named === null) return [];
  return ids.filter((id) => fresh.get(id)?.some((tap) => Object.hasOwn(named, tap)));
}

const lacksTaps = (record: VmRecord | undefined) => record?.nets.some(({ tap }) => tap === '') ?? false;

async function ensureBridges(
  ids: readonly number[],
  { book, ports }: PortParts,
  fail: (ids: readonly number[], error: unknown) => void,
): Promise<void> {
  const users = new Map<string, number[]>();
  for (const id of ids) {
    for (const bridge of new Set(book.get(id)?.record.nets.map((net) => net.bridge))) {
      if (bridge !== '') users.set(bridge, [...(users.get(bridge) ?? []), id]);
    }
  }
  for (const [bridge, wrong] of users) await ports.ensureBridge(bridge).catch((error: unknown) => fail(wrong, error));
}

async function dropTaps(id: number, taps: readonly string[], { book, ports }: PortParts): Promise<void> {
  ports.releaseTaps(taps);
  const unnamed = (net: VmNet): VmNet => (taps.includes(net.tap) ? { ...net, tap: '' } : net);
  // What cannot be saved now is made good when this meshd starts again: the record's taps are what the switch is to have.
  await book.updateRecord(id, (record) => ({ ...record, nets: record.nets.map(unnamed) })).catch(() => undefined);
}

/** Removes taps of many VMs that are flushed side by side in one change. */
export class PortRemovals {
  private readonly ports: Pick<Switch, 'removePorts'>;
  private pending: string[] = [];
  private running: Promise<void> = Promise.resolve();
  private next: Promise<void> | null = null;

  constructor(ports: Pick<Switch, 'removePorts'>) {
    this.ports = ports;
  }

  remove(taps: readonly string[]): Promise<void> {
    if (taps.length === 0) return Promise.resolve();
    this.pending.push(...taps);
    this.next ??= this.running.then(() => {
      this.next = null;
      const all = this.pending.splice(0);
      const removed = this.ports.removePorts(all);
      this.running = removed.catch(() => undefined);
      return removed;
    });
    return this.next;
  }
}
