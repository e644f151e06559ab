// Who holds a number and who uses it, and the VLANs of the map that follow from it. Pure.
import type { FleetVlan } from '../../contract/fleet.ts';
import type { VmState } from '../../core/vms/states.ts';
import { nameOfRow, type MapVlan, type VlanName } from './vlan-view.ts';
import { countVm, noVms, sumOf, type VmCount } from './vm-count.ts';

/** VMs on a number by one name. */
export interface Use {
  readonly name: VlanName;
  /** By node id; another map after each round of changes, so that who holds the old one has it as it was. */
  cells: Map<string, VmCount>;
  /** Keys of the VMs. */
  readonly vms: Set<string>;
}

export interface Holders {
  /** By key of the VlanName. */
  readonly rows: Map<string, FleetVlan>;
  readonly uses: Map<string, Use>;
  shown: readonly MapVlan[];
}

export interface KnownVm {
  readonly node: string;
  readonly state: VmState;
  readonly names: readonly VlanName[];
}

/** Rows of the table with their VMs, then what VMs are on without a row. Those that nothing changed in stay the same objects. */
export function shownVlans(holders: Holders, vms: ReadonlyMap<string, KnownVm>): readonly MapVlan[] {
  const keys = [...new Set([...holders.rows.keys(), ...holders.uses.keys()])].sort();
  return keys.flatMap((key) => {
    const uses = usesOf(holders, key);
    const row = holders.rows.get(key);
    const [use] = uses;
    const name = row ? nameOfRow(row) : use?.name;
    if (name === undefined) return [];
    const before = holders.shown.find((shown) => shown.key === key);
    const cells = uses.length > 1 ? together(uses, vms) : (use?.cells ?? noCells);
    const next = {
      ...name,
      owner: row?.Owner ?? '',
      isPinned: row?.Pinned ?? false,
      isSplit: row?.Split ?? false,
      isClash: row?.Clash ?? false,
      isListed: row !== undefined,
    };
    const isSame =
      before?.cells === cells &&
      before.owner === next.owner &&
      before.isPinned === next.isPinned &&
      before.isSplit === next.isSplit &&
      before.isClash === next.isClash &&
      before.isListed === next.isListed;
    return [isSame ? before : { ...next, cells, sum: sumOf(cells.values()) }];
  });
}

const noCells: ReadonlyMap<string, VmCount> = new Map();

/**
 * Who is on a VLAN: the VMs that name it. Those that name the number alone are on the alias that holds it: of several, on the first.
 */
export function usesOf({ rows, uses }: Holders, key: string): Use[] {
  const rawKey = [...uses.keys()].find((each) => uses.get(each)?.name.alias === '');
  const isRawElsewhere = rawKey !== undefined && rows.size > 0 && !rows.has(rawKey);
  const own = rawKey === key && isRawElsewhere ? undefined : uses.get(key);
  const raw = isRawElsewhere && [...rows.keys()].sort()[0] === key ? uses.get(rawKey) : undefined;
  return [own, raw].filter((use) => use !== undefined);
}

/** A VM with an interface by each of them counts once. */
function together(uses: readonly Use[], vms: ReadonlyMap<string, KnownVm>): ReadonlyMap<string, VmCount> {
  const cells = new Map<string, VmCount>();
  for (const key of new Set(uses.flatMap((use) => [...use.vms]))) {
    const vm = vms.get(key);
    if (vm) cells.set(vm.node, countVm(cells.get(vm.node) ?? noVms, vm.state, 1));
  }
  return cells;
}
