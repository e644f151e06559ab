// The VMs of one cluster, in the order and with the filter of a table, kept up to date by deltas: a change of one VM costs a few comparisons,
// whatever their number. No clock, no React.
import type { FleetDelta, FleetTap, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import { rowsOf, type FleetView } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { VmState } from '../../core/vms/states.ts';
import type { VmFilter } from './vm-filter.ts';
import { vmLine, type VmLine } from './vm-line.ts';

export type VmOrder = (a: VmLine, b: VmLine) => number;

/** How many VMs there are of each; those of none have no entry. */
export interface VmCounts {
  readonly states: ReadonlyMap<VmState, number>;
  readonly namespaces: ReadonlyMap<string, number>;
  /** By name. */
  readonly nodes: ReadonlyMap<string, number>;
}

export interface VmArrangement {
  readonly order: VmOrder;
  readonly fits: VmFilter;
}

/** What stands between VMs that an order holds for equal: no two are. */
const byName: VmOrder = (a, b) =>
  compareNames(a.vm.Name, b.vm.Name) ||
  compareNames(a.vm.Namespace, b.vm.Namespace) ||
  compareNames(a.node, b.node) ||
  a.vm.Id - b.vm.Id ||
  (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

export const allInOrder: VmArrangement = { order: () => 0, fits: () => true };

/** More changes than one in so many rows: sorting all of them is cheaper than placing each. */
const placedShare = 8;

export class VmIndex {
  private readonly cluster: string;
  private readonly lines = new Map<string, VmLine>();
  /** Which VM a tap is of: a tap that is gone is named by its key alone. */
  private readonly vmOfTap = new Map<string, string>();
  private readonly tapsOf = new Map<string, Map<string, FleetTap>>();
  private readonly names = new Map<string, string>();
  private readonly counted = {
    states: new Map<VmState, number>(),
    namespaces: new Map<string, number>(),
    nodes: new Map<string, number>(),
  };
  private arrangement = allInOrder;
  /** All in order, and of these the ones that fit. */
  private ordered: VmLine[] = [];
  private shown: VmLine[] = [];

  /** `cluster`: its id. */
  constructor(cluster: string) {
    this.cluster = cluster;
  }

  get size(): number {
    return this.lines.size;
  }

  get(key: string): VmLine | undefined {
    return this.lines.get(key);
  }

  /** By the name of its node, and its id there; its name does too, of two the first. */
  find(node: string, vm: string): VmLine | undefined {
    // No name is a number, so an id and a name never mean two VMs.
    const isId = /^\d+$/.test(vm);
    for (const [id, name] of this.names) {
      if (name !== node) continue;
      if (isId) return this.lines.get(`${id} ${vm}`);
      for (const line of this.lines.values()) if (line.vm.Node === id && line.vm.Name === vm) return line;
    }
    return undefined;
  }

  values(): IterableIterator<VmLine> {
    return this.lines.values();
  }

  /** Those that fit, in order: another array after each change. */
  rows(): readonly VmLine[] {
    return [...this.shown];
  }

  counts(): VmCounts {
    const { states, namespaces, nodes } = this.counted;
    return { states: new Map(states), namespaces: new Map(namespaces), nodes: new Map(nodes) };
  }

  /** The same order as before costs no sorting. */
  arrange(arrangement: VmArrangement): void {
    const isSameOrder = arrangement.order === this.arrangement.order;
    this.arrangement = arrangement;
    if (isSameOrder) this.filterAll();
    else this.sortAll();
  }

  /** Takes all that there is, as after a snapshot. */
  reset(view: Pick<FleetView, 'rows' | 'nodes'>): void {
    for (const map of [this.lines, this.vmOfTap, this.tapsOf, this.names, ...Object.values(this.counted)]) map.clear();
    for (const node of view.nodes.values()) this.names.set(node.Id, node.Name);
    for (const [key, tap] of rowsOf(view, fleetKeys.taps)) if (tap.Cluster === this.cluster) this.putTap(key, tap);
    for (const [key, vm] of rowsOf(view, fleetKeys.vms)) {
      if (vm.Cluster === this.cluster) this.setLine(key, this.lineOf(key, vm));
    }
    this.sortAll();
  }

  /** `view`: as the delta left it. @returns whether anything here is another now */
  apply(delta: Pick<FleetDelta, 'Kinds'>, view: Pick<FleetView, 'rows' | 'nodes'>): boolean {
    const touched = new Set<string>();
    const { vms, taps, nodes } = delta.Kinds;
    for (const key of vms?.gone ?? []) touched.add(key);
    for (const change of vms?.put ?? []) touched.add(keyOf(fleetKeys.vms, change));
    if (taps) this.noteTaps(taps, rowsOf(view, fleetKeys.taps), touched);
    if (nodes) this.noteNames(view, touched);
    const rows = rowsOf(view, fleetKeys.vms);
    const isMuch = touched.size * placedShare > this.lines.size;
    let isChanged = false;
    for (const key of touched) {
      const row = rows.get(key);
      const next = row?.Cluster === this.cluster ? this.lineOf(key, row) : undefined;
      const before = this.lines.get(key);
      if (before === undefined && next === undefined) continue;
      if (before && next && isSameLine(before, next)) {
        // Confirmed, and nothing in it is new.
        continue;
      }
      isChanged = true;
      if (!isMuch && before) this.takeOut(before);
      this.setLine(key, next);
      if (!isMuch && next) this.putIn(next);
    }
    if (isChanged && isMuch) this.sortAll();
    return isChanged;
  }

  private noteTaps(
    change: NonNullable<FleetDelta['Kinds'][string]>,
    rows: ReadonlyMap<string, FleetTap>,
    touched: Set<string>,
  ): void {
    for (const key of change.gone) {
      const vm = this.vmOfTap.get(key);
      if (vm === undefined) continue;
      this.dropTap(key, vm);
      touched.add(vm);
    }
    for (const put of change.put) {
      const key = keyOf(fleetKeys.taps, put);
      const before = this.vmOfTap.get(key);
      const tap = rows.get(key);
      if (tap?.Cluster !== this.cluster) continue;
      const vm = this.putTap(key, tap);
      if (before !== undefined && before !== vm) {
        this.tapsOf.get(before)?.delete(key);
        touched.add(before);
      }
      touched.add(vm);
    }
  }

  /** Nodes change often, their names hardly ever. */
  private noteNames(view: Pick<FleetView, 'nodes'>, touched: Set<string>): void {
    const renamed = new Set<string>();
    for (const node of view.nodes.values()) {
      if (this.names.get(node.Id) === node.Name) continue;
      this.names.set(node.Id, node.Name);
      renamed.add(node.Id);
    }
    if (renamed.size === 0) return;
    for (const line of this.lines.values()) if (renamed.has(line.vm.Node)) touched.add(line.key);
  }

  private lineOf(key: string, vm: FleetVm): VmLine {
    return vmLine(vm, this.names.get(vm.Node) ?? vm.Node, [...(this.tapsOf.get(key)?.values() ?? [])]);
  }

  private putTap(key: string, tap: FleetTap): string {
    const vm = `${tap.Node} ${tap.Vm}`;
    this.vmOfTap.set(key, vm);
    const taps = this.tapsOf.get(vm);
    if (taps) taps.set(key, tap);
    else this.tapsOf.set(vm, new Map([[key, tap]]));
    return vm;
  }

  private dropTap(key: string, vm: string): void {
    this.vmOfTap.delete(key);
    const taps = this.tapsOf.get(vm);
    taps?.delete(key);
    if (taps?.size === 0) this.tapsOf.delete(vm);
  }

  private setLine(key: string, next: VmLine | undefined): void {
    const before = this.lines.get(key);
    if (before) this.count(before, -1);
    if (next === undefined) {
      this.lines.delete(key);
      return;
    }
    this.lines.set(key, next);
    this.count(next, 1);
  }

  private count({ vm, node }: VmLine, by: 1 | -1): void {
    add(this.counted.states, vm.State, by);
    add(this.counted.namespaces, vm.Namespace, by);
    add(this.counted.nodes, node, by);
  }

  // ---- order

  private compare(a: VmLine, b: VmLine): number {
    return this.arrangement.order(a, b) || byName(a, b);
  }

  private sortAll(): void {
    this.ordered = [...this.lines.values()].sort((a, b) => this.compare(a, b));
    this.filterAll();
  }

  private filterAll(): void {
    const { fits } = this.arrangement;
    this.shown = this.ordered.filter((line) => fits(line));
  }

  /** Where it stands, or would. */
  private placeIn(lines: readonly VmLine[], line: VmLine): number {
    let [low, high] = [0, lines.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = lines[middle];
      if (there !== undefined && this.compare(there, line) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private takeOut(line: VmLine): void {
    for (const lines of [this.ordered, this.shown]) {
      const at = this.placeIn(lines, line);
      if (lines[at] === line) lines.splice(at, 1);
    }
  }

  private putIn(line: VmLine): void {
    for (const lines of [this.ordered, this.shown]) {
      if (lines === this.ordered || this.arrangement.fits(line)) lines.splice(this.placeIn(lines, line), 0, line);
    }
  }
}

function add<Key>(counts: Map<Key, number>, key: Key, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

/** A row that only says again what it said is another object with another time. */
function isSameLine(a: VmLine, b: VmLine): boolean {
  const isSameTaps = a.nics.length === b.nics.length && a.nics.every(({ tap }, at) => isSameRow(tap, b.nics[at]?.tap));
  return a.node === b.node && isSameTaps && isSameRow(a.vm, b.vm);
}

function isSameRow(a: FleetVm | FleetTap | null, b: FleetVm | FleetTap | null | undefined): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  return Object.entries(a).every(([field, value]) => {
    const other: unknown = b[field as keyof typeof b];
    if (field === 'AsOf' || value === other) return true;
    return (
      Array.isArray(value) &&
      Array.isArray(other) &&
      value.length === other.length &&
      value.every((item, at) => item === other[at])
    );
  });
}
