// VMs on VLANs in a simulated mesh: rows as meshds say them, and what happens to one VM after the other.
import { taps, vlans, vms, type TapRow, type VlanKindRow, type VmRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { NodeRow } from '../../contract/cluster-kinds.ts';
import type { RowChanges } from '../../contract/kinds.ts';
import { changedRows } from '../../core/rows.ts';
import type { Random } from './random.ts';

export interface CrowdSize {
  readonly vms: number;
  readonly vlans: number;
}

/** Kinds of which a crowd has rows. */
export const crowdKinds = [vms.name, vlans.name, taps.name] as const;
const firstVlan = 100;
const rowsAtOnce = 250;
const namespaces = ['red', 'blue', 'green', 'teaching', 'exp1'];

export class Crowd {
  private vmRows: ReadonlyMap<string, VmRow>;
  private vlanRows: ReadonlyMap<string, VlanKindRow>;
  private tapRows: ReadonlyMap<string, TapRow>;
  private readonly keys: readonly string[];
  private readonly random: Random;

  constructor(nodes: readonly NodeRow[], size: CrowdSize, random: Random) {
    this.random = random;
    this.vlanRows = byKey(
      vlans,
      Array.from({ length: size.vlans }, (_, index) => vlanRow(index, nodes)),
    );
    const rows = Array.from({ length: size.vms }, (_, index) => vmRow(index, nodes, size));
    this.vmRows = byKey(vms, rows);
    this.tapRows = byKey(taps, rows.map(tapRow));
    this.keys = [...this.vmRows.keys()];
  }

  /** All rows, in messages of the size that a meshd sends. */
  parts(): RowChanges[] {
    const all = [
      { name: vlans.name, rows: [...this.vlanRows.values()] },
      { name: vms.name, rows: [...this.vmRows.values()] },
      { name: taps.name, rows: [...this.tapRows.values()] },
    ];
    return all.flatMap(({ name, rows }) =>
      Array.from({ length: Math.ceil(rows.length / rowsAtOnce) }, (_, index) => ({
        [name]: { put: rows.slice(index * rowsAtOnce, (index + 1) * rowsAtOnce), gone: [] },
      })),
    );
  }

  take(change: RowChanges): void {
    this.vmRows = changedRows(vms, this.vmRows, change[vms.name] ?? { put: [], gone: [] });
    this.tapRows = changedRows(taps, this.tapRows, change[taps.name] ?? { put: [], gone: [] });
  }

  /** A VM pauses or runs on; every fourth one says a new address in place of that. */
  next(count: number): RowChanges {
    const row = this.vmRows.get(this.random.of(this.keys));
    if (!row) return {};
    const { Node, Id, State } = row;
    if (count % 4 === 0) {
      const Ip4 = `10.1.${this.random.below(256)}.${this.random.below(256)}`;
      return { [taps.name]: { put: [{ Node, Name: tapOf(Id), Ip4 }], gone: [] } };
    }
    return { [vms.name]: { put: [{ Node, Id, State: State === 'RUNNING' ? 'PAUSED' : 'RUNNING' }], gone: [] } };
  }
}

function byKey<Row extends Record<string, unknown>>(
  kind: { readonly key: readonly string[] },
  rows: readonly Row[],
): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [keyOf(kind, row), row]));
}

const namespaceOf = (vlan: number) => namespaces[vlan % namespaces.length] ?? '';
const aliasOf = (vlan: number) => `lan${vlan}`;
const tapOf = (id: number) => `mega_tap${id}`;
const idOf = (nodes: readonly NodeRow[], index: number) => nodes[index % nodes.length]?.Id ?? '';

function vlanRow(index: number, nodes: readonly NodeRow[]): VlanKindRow {
  return {
    ...{ Vlan: firstVlan + index, Namespace: namespaceOf(index), Alias: aliasOf(index), Owner: idOf(nodes, index) },
    ...{ Pinned: index % 10 === 0, Split: false, Clash: false },
  };
}

function vmRow(index: number, nodes: readonly NodeRow[], size: CrowdSize): VmRow {
  const vlan = index % size.vlans;
  const hex = index.toString(16).padStart(4, '0');
  return {
    ...{ Node: idOf(nodes, index), Id: Math.floor(index / nodes.length), Name: `vm${index}` },
    ...{ Namespace: namespaceOf(vlan), State: 'RUNNING', Reason: '', Accelerator: 'kvm' },
    ...{ Uuid: `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`, Vcpus: 1 + (index % 4) },
    ...{ Memory: 512 << (index % 4), Launched: 1_764_500_000_000 - index * 1_000 },
    ...{ Vlans: [firstVlan + vlan], Aliases: [aliasOf(vlan)] },
    ...{
      Macs: [`02:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`],
      Tags: index % 5 === 0 ? ['role=web'] : [],
      SerialPorts: 1,
    },
  };
}

function tapRow({ Node, Id, Vlans, Aliases, Macs }: VmRow): TapRow {
  return {
    ...{ Node, Name: tapOf(Id), Vm: Id, Nic: 0, Bridge: 'mega_bridge', Vlan: Vlans[0] ?? -1, Alias: Aliases[0] ?? '' },
    ...{ Mac: Macs[0] ?? '', Ip4: '', Ip6: '', Qos: '', Carrier: true, Connected: true, Fault: '' },
  };
}
