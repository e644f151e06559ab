// VLANs as rows of the kind `vlans`. A change concerns the number that it names, and other numbers of the same alias, which may
// be split now or no longer.
import { vlans, type VlanKindRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { VlanState } from '../vlans/state.ts';
import type { RowSink, RowSource } from './source.ts';

/** `onRoster`: calls back when numbers may have other owners, until the returned function is called. */
export function vlanSource(state: VlanState, onRoster: (listener: () => void) => () => void): RowSource {
  return {
    kind: vlans,
    start: (sink) => {
      const shown = new ShownVlans(state, sink);
      shown.updateAll();
      const ends = [
        state.onChange(({ rows }) => {
          shown.update(rows.map(({ vlan }) => vlan));
        }),
        onRoster(() => {
          shown.updateAll();
        }),
      ];
      return () => {
        for (const end of ends) end();
        shown.clear();
      };
    },
  };
}

class ShownVlans {
  private readonly state: VlanState;
  private readonly sink: RowSink;
  private readonly byVlan = new Map<number, readonly VlanKindRow[]>();

  constructor(state: VlanState, sink: RowSink) {
    this.state = state;
    this.sink = sink;
  }

  updateAll(): void {
    const { rows } = this.state.table.all();
    this.put(new Set([...this.byVlan.keys(), ...rows.map(({ vlan }) => vlan)]));
  }

  update(changed: readonly number[]): void {
    const concerned = new Set(changed);
    for (const vlan of changed) {
      const before = (this.byVlan.get(vlan) ?? []).map(({ Namespace, Alias }) => ({
        namespace: Namespace,
        alias: Alias,
      }));
      for (const name of [...before, ...this.state.table.holders(vlan)]) {
        if (name.alias !== '') for (const row of this.state.table.held(name)) concerned.add(row.vlan);
      }
    }
    this.put(concerned);
  }

  clear(): void {
    for (const rows of this.byVlan.values()) for (const row of rows) this.sink.drop(keyOf(vlans, row));
    this.byVlan.clear();
  }

  private put(concerned: ReadonlySet<number>): void {
    for (const vlan of concerned) {
      const rows = this.rowsOf(vlan);
      const keys = new Set(rows.map((row) => keyOf(vlans, row)));
      for (const row of this.byVlan.get(vlan) ?? []) {
        const key = keyOf(vlans, row);
        if (!keys.has(key)) this.sink.drop(key);
      }
      for (const row of rows) this.sink.put(row);
      if (rows.length > 0) this.byVlan.set(vlan, rows);
      else this.byVlan.delete(vlan);
    }
  }

  private rowsOf(vlan: number): VlanKindRow[] {
    const { table, owners } = this.state;
    const isClash = table.isClash(vlan);
    // An alias that was forced and given too is one holder.
    const byKey = new Map<string, VlanKindRow>();
    for (const { namespace, alias, pinned } of table.holders(vlan)) {
      const row: VlanKindRow = {
        Vlan: vlan,
        Namespace: namespace,
        Alias: alias,
        Owner: owners.ofNumber(vlan) ?? '',
        Pinned: pinned,
        Split: alias !== '' && table.isSplit({ namespace, alias }),
        Clash: isClash,
      };
      byKey.set(keyOf(vlans, row), row);
    }
    return [...byKey.values()];
  }
}
