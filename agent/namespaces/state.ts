// What this node knows of namespaces, in memory and on disk (`namespaces.json` beside the identity): the table that all share, and this node's
// default namespace, which is its own.
import { z } from 'zod';
import { NodeId } from '../../contract/roster.ts';
import { NamespaceTable, onlyHosts, type HostSet, type NamespaceRows } from '../../core/namespace-table.ts';
import type { LoadKind } from '../../core/vms/placement.ts';
import { SharedState, type NewsLists, type SharedStateComponents } from '../tables/shared-state.ts';
import { loadStored } from '../tables/table-store.ts';
import { Hosts, Load, maxRowsSent, Rows } from './messages.ts';

/** Of the default namespace. */
export interface OwnNamespace {
  readonly hosts: HostSet;
  readonly load: LoadKind;
}

const Stored = z.intersection(z.object({ node: NodeId, own: z.object({ hosts: Hosts, load: Load }) }), Rows);

const lists: NewsLists<NamespaceRows> = {
  all: ({ rows }) => rows,
  filter: ({ rows }, keep) => ({ rows: rows.filter(keep) }),
  join: (first, second) => ({ rows: [...first.rows, ...second.rows] }),
  cut: ({ rows }) => ({ rows: rows.slice(0, maxRowsSent) }),
};

export class NamespaceState extends SharedState<NamespaceRows> {
  readonly table: NamespaceTable;
  private ownNow: OwnNamespace;

  private constructor(
    nodeId: string,
    stored: { rows: NamespaceRows; own: OwnNamespace } | null,
    components: SharedStateComponents,
  ) {
    const table = new NamespaceTable();
    super({ nodeId, what: 'Namespaces' }, table, { ...components, lists });
    this.table = table;
    this.ownNow = stored?.own ?? ownAtFirst(nodeId);
    if (stored !== null) table.merge(stored.rows);
  }

  static async open(nodeId: string, components: SharedStateComponents): Promise<NamespaceState> {
    const { store, log } = components;
    const onDamage = () => {
      log.warn('namespaces: namespaces.json is damaged and was set aside; the rows come again from the other nodes');
    };
    const stored = await loadStored(store, Stored, { nodeId, onDamage });
    return new NamespaceState(nodeId, stored && { rows: { rows: stored.rows }, own: stored.own }, components);
  }

  get own(): OwnNamespace {
    return this.ownNow;
  }

  /** @throws Error when it is not on the disk; then nothing was changed */
  async setOwn(own: OwnNamespace): Promise<void> {
    const before = this.ownNow;
    this.ownNow = own;
    this.isDirty = true;
    try {
      await this.save();
    } catch (error) {
      if (this.ownNow === own) this.ownNow = before;
      throw error;
    }
  }

  protected override text(): string {
    return JSON.stringify({ node: this.nodeId, own: this.ownNow, ...this.table.all() });
  }
}

/** As in minimega: this host alone. */
export function ownAtFirst(nodeId: string): OwnNamespace {
  return { hosts: onlyHosts([nodeId]), load: 'cpucommit' };
}
