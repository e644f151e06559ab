// The rows that this node knows, by kind: its own, those that it works out from the mesh, and while it is watched those of
// other members. Owns who may say something about a row: one that has an owner comes from this owner only.
import { keyOf } from '../../contract/kind-keys.ts';
import type { Kind, KindChange, RowData } from '../../contract/kinds.ts';
import { Rows } from '../../core/rows.ts';

/** A row that is new or has changed fields (`change`, with the key), or that went (null); `owner`: node id, null for kinds without. */
export type RowListener = (kind: Kind, key: string, change: RowData | null, owner: string | null) => void;

export class ClusterRows {
  readonly kinds: readonly Kind[];
  private readonly tables: ReadonlyMap<string, Rows>;
  private readonly listeners = new Set<RowListener>();

  constructor(kinds: readonly Kind[]) {
    this.kinds = kinds;
    this.tables = new Map(kinds.map((kind) => [kind.name, new Rows(kind)]));
  }

  /** @throws RangeError for a kind that this node was not made with */
  table<Row extends RowData>(kind: Kind<Row>): Rows<Row> {
    const table = this.tables.get(kind.name);
    if (!table) throw new RangeError(`no kind ${kind.name} here`);
    return table as unknown as Rows<Row>;
  }

  /** Calls `listener` after each change; the function returned ends that. */
  onChange(listener: RowListener): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  put<Row extends RowData>(kind: Kind<Row>, change: Partial<Row>): void {
    const table = this.table(kind);
    const changed = table.put(change);
    if (changed === null) return;
    const key = keyOf(kind, changed);
    this.tell(kind, key, changed, table.get(key) ?? null);
  }

  drop(kind: Kind, key: string): void {
    const row = this.table(kind).drop(key);
    if (row !== undefined) this.tell(kind, key, null, row);
  }

  /** Takes what the owner says of its rows. What it says of the rows of others does not count. */
  applyFrom(owner: string, kind: Kind, { put, gone }: KindChange): void {
    if (kind.owner === null) return;
    const table = this.table(kind);
    for (const key of gone) if (table.get(key)?.[kind.owner] === owner) this.drop(kind, key);
    for (const change of put) {
      const known = table.get(keyOf(kind, change));
      const named = change[kind.owner] ?? known?.[kind.owner];
      if (named === owner && (known === undefined || known[kind.owner] === owner)) this.put(kind, change);
    }
  }

  /** Makes these all the rows of this kind that the owner has; null: all rows of a kind without owner. */
  replace<Row extends RowData>(kind: Kind<Row>, owner: string | null, rows: Iterable<Row>): void {
    const table = this.table(kind);
    const before = new Set(owner === null ? table.keys() : table.keysOf(owner));
    const next = [...rows];
    const after = new Set(next.map((row) => keyOf(kind, row)));
    for (const key of before) if (!after.has(key)) this.drop(kind, key);
    if (owner === null) for (const row of next) this.put(kind, row);
    else this.applyFrom(owner, kind, { put: next, gone: [] });
  }

  /** Forgets all that this owner said. */
  forget(owner: string): void {
    for (const kind of this.kinds) if (kind.owner !== null) this.replace(kind, owner, []);
  }

  private tell(kind: Kind, key: string, change: RowData | null, row: RowData | null): void {
    const owner = kind.owner === null ? null : String(row?.[kind.owner]);
    for (const listener of [...this.listeners]) listener(kind, key, change, owner);
  }
}
