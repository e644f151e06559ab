// Keeps a VlanMap up to date from what changed. A change is worked out for the numbers that it concerns and for no others: at 500
// VLANs, 200 nodes and 10,000 VMs something changes fifty times a second. Pure.
//
//   rows of `vlans`  ──>  rows of a number   ──┐
//   rows of `vms`    ──>  uses of a number   ──┴─>  its MapVlans, when the number was touched
import type { FleetVlan, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { RowChanges } from '../../contract/kinds.ts';
import { rowsOf, type FleetView } from '../../core/fleet-view.ts';
import {
  compareVlans,
  emptyVlanMap,
  mapNamespaces,
  mapNodes,
  nameOfRow,
  namesOfVm,
  type MapVlan,
  type VlanMap,
  type VlanName,
} from './vlan-view.ts';
import { shownVlans, usesOf, type Holders, type KnownVm, type Use } from './vlan-holders.ts';
import { countVm, noVms } from './vm-count.ts';

type View = Pick<FleetView, 'rows'>;

export class VlanIndex {
  private readonly cluster: string;
  private readonly numbers = new Map<number, Holders>();
  private readonly vms = new Map<string, KnownVm>();
  /** Number of a VLAN's row, by the key that the row has in the fleet. */
  private readonly rowNames = new Map<string, VlanName>();
  private readonly vmsOfNode = new Map<string, number>();
  /** A node got its first VM, or lost its last. */
  private areOtherNodes = false;
  private readonly touched = new Set<number>();
  /** Whose cells were copied in this round. */
  private readonly copied = new Set<Use>();
  private order: VlanName[] = [];
  private readonly byKey = new Map<string, MapVlan>();
  private map: VlanMap;

  constructor(cluster: string, view: View) {
    this.cluster = cluster;
    this.map = { ...emptyVlanMap, cluster };
    for (const [key, row] of rowsOf(view, fleetKeys.vlans)) this.putVlan(key, row);
    for (const [key, row] of rowsOf(view, fleetKeys.vms)) this.putVm(key, row);
    this.map = this.after(view, { areNodes: true, areNamespaces: true });
  }

  get current(): VlanMap {
    return this.map;
  }

  /** Takes changes. @param view the fleet after them @returns the same map as before when nothing in it changed */
  follow(changes: RowChanges, view: View): VlanMap {
    const { vlans, vms, nodes, bridges, namespaces } = changes;
    const vlanRows = rowsOf(view, fleetKeys.vlans);
    const vmRows = rowsOf(view, fleetKeys.vms);
    for (const key of vlans?.gone ?? []) this.dropVlan(key);
    for (const put of vlans?.put ?? []) {
      const key = keyOf(fleetKeys.vlans, put);
      const row = vlanRows.get(key);
      if (row) this.putVlan(key, row);
    }
    for (const key of vms?.gone ?? []) this.dropVm(key);
    for (const put of vms?.put ?? []) {
      const key = keyOf(fleetKeys.vms, put);
      const row = vmRows.get(key);
      if (row) this.putVm(key, row);
    }
    this.map = this.after(view, {
      areNodes: nodes !== undefined || bridges !== undefined,
      areNamespaces: namespaces !== undefined,
    });
    return this.map;
  }

  /** Keys of the VMs on a VLAN, as the fleet has them. */
  vmsOn({ key, vlan }: VlanName): ReadonlySet<string> {
    const holders = this.numbers.get(vlan);
    if (!holders) return new Set();
    return new Set(usesOf(holders, key).flatMap(({ vms }) => [...vms]));
  }

  // ---- what came

  private putVlan(key: string, row: FleetVlan): void {
    if (row.Cluster !== this.cluster) return;
    const name = nameOfRow(row);
    const { rows } = this.holders(name.vlan);
    if (rows.get(name.key) === row) return;
    rows.set(name.key, row);
    this.rowNames.set(key, name);
    this.touched.add(name.vlan);
  }

  private dropVlan(key: string): void {
    const name = this.rowNames.get(key);
    if (!name) return;
    this.rowNames.delete(key);
    this.numbers.get(name.vlan)?.rows.delete(name.key);
    this.touched.add(name.vlan);
  }

  private putVm(key: string, row: FleetVm): void {
    if (row.Cluster !== this.cluster) return;
    const before = this.vms.get(key);
    const names = namesOfVm(row);
    const isSame =
      before?.node === row.Node &&
      before.state === row.State &&
      before.names.length === names.length &&
      before.names.every(({ key: name }, at) => names[at]?.key === name);
    if (isSame) return;
    this.dropVm(key);
    const vm = { node: row.Node, state: row.State, names };
    this.vms.set(key, vm);
    this.count(key, vm, 1);
  }

  private dropVm(key: string): void {
    const vm = this.vms.get(key);
    if (!vm) return;
    this.vms.delete(key);
    this.count(key, vm, -1);
  }

  private count(vmKey: string, { node, state, names }: KnownVm, by: 1 | -1): void {
    const ofNode = (this.vmsOfNode.get(node) ?? 0) + by;
    this.vmsOfNode.set(node, ofNode);
    this.areOtherNodes ||= ofNode === 0 || (ofNode === 1 && by > 0);
    for (const name of names) {
      const { uses } = this.holders(name.vlan);
      let use = uses.get(name.key);
      if (!use) uses.set(name.key, (use = { name, cells: new Map(), vms: new Set() }));
      if (!this.copied.has(use)) {
        this.copied.add(use);
        use.cells = new Map(use.cells);
      }
      const cell = countVm(use.cells.get(node) ?? noVms, state, by);
      if (cell.total > 0) use.cells.set(node, cell);
      else use.cells.delete(node);
      if (by > 0) use.vms.add(vmKey);
      else use.vms.delete(vmKey);
      if (use.vms.size === 0) uses.delete(name.key);
      this.touched.add(name.vlan);
    }
  }

  private holders(vlan: number): Holders {
    let holders = this.numbers.get(vlan);
    if (!holders) this.numbers.set(vlan, (holders = { rows: new Map(), uses: new Map(), shown: [] }));
    return holders;
  }

  // ---- what it makes of the map

  private after(view: View, { areNodes, areNamespaces }: { areNodes: boolean; areNamespaces: boolean }): VlanMap {
    const { map, cluster } = this;
    const isTouched = this.touched.size > 0;
    const isOtherSet = this.showTouched();
    const hasVms = (id: string) => (this.vmsOfNode.get(id) ?? 0) > 0;
    const nodes = areNodes || this.areOtherNodes ? mapNodes(view, { cluster, hasVms }, map.nodes) : map.nodes;
    this.areOtherNodes = false;
    const namespaces =
      areNamespaces || isOtherSet
        ? mapNamespaces(rowsOf(view, fleetKeys.namespaces).values(), { cluster, vlans: this.order })
        : map.namespaces;
    if (!isTouched && nodes === map.nodes && namespaces === map.namespaces) return map;
    if (!isTouched) return { ...map, nodes, namespaces };
    const vlans = this.order.flatMap(({ key }) => this.byKey.get(key) ?? []);
    return { cluster, vlans, byKey: new Map(this.byKey), nodes, namespaces };
  }

  /** @returns whether VLANs came or went */
  private showTouched(): boolean {
    const came: VlanName[] = [];
    const went = new Set<string>();
    for (const vlan of this.touched) {
      const holders = this.numbers.get(vlan);
      if (!holders) continue;
      const shown = shownVlans(holders, this.vms);
      for (const { key } of holders.shown) if (!shown.some((next) => next.key === key)) went.add(key);
      for (const next of shown) {
        if (!this.byKey.has(next.key)) came.push(next);
        this.byKey.set(next.key, next);
      }
      holders.shown = shown;
      if (holders.rows.size + holders.uses.size === 0) this.numbers.delete(vlan);
    }
    this.touched.clear();
    this.copied.clear();
    for (const key of went) this.byKey.delete(key);
    if (went.size > 0) this.order = this.order.filter(({ key }) => !went.has(key));
    this.insert(came);
    return came.length + went.size > 0;
  }

  /** Each at its place; many at once are sorted with the others. */
  private insert(came: readonly VlanName[]): void {
    if (came.length > this.order.length / 8) {
      this.order = [...this.order, ...came].sort(compareVlans);
      return;
    }
    for (const name of came) {
      let [from, to] = [0, this.order.length];
      while (from < to) {
        const middle = (from + to) >> 1;
        const other = this.order[middle];
        if (other && compareVlans(other, name) < 0) from = middle + 1;
        else to = middle;
      }
      this.order.splice(from, 0, name);
    }
  }
}
