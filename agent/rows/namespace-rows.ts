// Namespaces as rows of the kind `namespaces`. Every node has the same ones; how many VMs each has follows from the rows of VMs, as far as this
// node has them.
import { namespaces as namespacesKind, type NamespaceKindRow } from '../../contract/cluster-kinds.ts';
import type { Kind, RowData } from '../../contract/kinds.ts';
import type { VlanRange } from '../../core/vlans/table.ts';
import type { Namespaces } from '../namespaces/namespaces.ts';
import type { KnownRows, RowSink, RowSource } from './source.ts';

/** The kind of VMs, by its name: that kind belongs to another part. */
const vmsKind = 'vms';
const vmNamespace = 'Namespace';

export interface NamespaceRowsComponents {
  readonly namespaces: Pick<Namespaces, 'names' | 'state'>;
  readonly vlans: {
    /** Null: it uses the default ones. */
    readonly range: (namespace: string) => VlanRange | null;
    readonly onChange: (listener: () => void) => () => void;
  };
}

export function namespaceSource(components: NamespaceRowsComponents): RowSource {
  return {
    kind: namespacesKind,
    start: (sink, cluster) => {
      const shown = new ShownNamespaces(components, { sink, cluster });
      shown.updateAll();
      const ends = [
        components.namespaces.state.onChange(() => {
          shown.updateAll();
        }),
        components.vlans.onChange(() => {
          shown.updateAll();
        }),
        shown.followVms(),
      ];
      return () => {
        for (const end of ends) end();
        shown.clear();
      };
    },
  };
}

class ShownNamespaces {
  private readonly components: NamespaceRowsComponents;
  private readonly sink: RowSink;
  private readonly cluster: KnownRows;
  private readonly vms: Kind | null;
  private readonly namespaceOfVm = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private shown = new Set<string>();

  constructor(components: NamespaceRowsComponents, { sink, cluster }: { sink: RowSink; cluster: KnownRows }) {
    this.components = components;
    this.sink = sink;
    this.cluster = cluster;
    this.vms = cluster.kinds.find(({ name }) => name === vmsKind) ?? null;
    if (this.vms) for (const [key, row] of cluster.table(this.vms).entries()) this.moveVm(key, row);
  }

  updateAll(): void {
    const names = this.components.namespaces.names();
    const before = this.shown;
    this.shown = new Set(names);
    for (const name of before) if (!this.shown.has(name)) this.sink.drop(name);
    for (const name of names) this.sink.put(this.rowOf(name));
  }

  clear(): void {
    for (const name of this.shown) this.sink.drop(name);
    this.shown.clear();
  }

  followVms(): () => void {
    return this.cluster.onChange((kind, key, change) => {
      if (kind !== this.vms) return;
      const changed = this.moveVm(key, change === null ? null : (this.cluster.table(kind).get(key) ?? null));
      for (const Name of changed) if (this.shown.has(Name)) this.sink.put({ Name, Vms: this.counts.get(Name) ?? 0 });
    });
  }

  /** @returns the namespaces whose counts changed */
  private moveVm(key: string, row: RowData | null): string[] {
    const before = this.namespaceOfVm.get(key) ?? null;
    const after = row === null ? null : String(row[vmNamespace]);
    if (before === after) return [];
    if (before !== null) this.counts.set(before, (this.counts.get(before) ?? 1) - 1);
    if (after === null) this.namespaceOfVm.delete(key);
    else {
      this.namespaceOfVm.set(key, after);
      this.counts.set(after, (this.counts.get(after) ?? 0) + 1);
    }
    return [before, after].filter((name) => name !== null);
  }

  private rowOf(name: string): NamespaceKindRow {
    const { namespaces, vlans } = this.components;
    const row = namespaces.state.table.get(name);
    const range = vlans.range(name);
    return {
      Name: name,
      AllBut: row?.hosts.isAllBut ?? false,
      Hosts: [...(row?.hosts.ids ?? [])],
      Load: row?.load ?? '',
      VlanMin: range?.min ?? null,
      VlanMax: range === null ? null : range.max - 1,
      Vms: this.vms === null ? null : (this.counts.get(name) ?? 0),
    };
  }
}
