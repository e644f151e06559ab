// Tables of rows by kind: what changed in them, what a change makes of them, and how much of it is taken. Daemon, console and
// pages share it, so that what one side leaves out the other fills in.
import { AppError } from '../contract/errors.ts';
import { keyOf, type KindKey } from '../contract/kind-keys.ts';
import type { Kind, KindChange, RowChanges, RowData } from '../contract/kinds.ts';
import { changedMap } from './row-map.ts';

/** One value of a row; lists of a row are short, and hold no objects that change. */
const isEqual = (a: unknown, b: unknown): boolean =>
  a === b ||
  (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => isEqual(item, b[i])));

/** The fields of `next` that `known` has otherwise, with those of the key; null when none does. */
function changedFields<Row extends RowData>(kind: Kind<Row>, known: Row, next: Partial<Row>): Partial<Row> | null {
  const changed: Record<string, unknown> = {};
  let any = false;
  for (const field of Object.keys(next)) {
    if (isEqual(known[field], next[field])) continue;
    changed[field] = next[field];
    any = true;
  }
  if (!any) return null;
  for (const field of kind.key) changed[field] = known[field];
  return changed as Partial<Row>;
}

/** The rows of one kind, by key. */
export class Rows<Row extends RowData = RowData> {
  readonly kind: Kind<Row>;
  private readonly byKey = new Map<string, Row>();
  private readonly countOf = new Map<unknown, number>();

  constructor(kind: Kind<Row>) {
    this.kind = kind;
  }

  get size(): number {
    return this.byKey.size;
  }

  get(key: string): Row | undefined {
    return this.byKey.get(key);
  }

  entries(): IterableIterator<[string, Row]> {
    return this.byKey.entries();
  }

  keys(): IterableIterator<string> {
    return this.byKey.keys();
  }

  values(): IterableIterator<Row> {
    return this.byKey.values();
  }

  /**
   * Takes a row, or changed fields of a known one. @returns what is new in it, with the key; null when nothing is, when a new
   * row is not whole, or when its owner has as many as the kind allows.
   */
  put(change: Partial<Row>): Partial<Row> | null {
    const { kind } = this;
    const key = keyOf(kind, change);
    const known = this.byKey.get(key);
    if (known !== undefined) {
      const changed = changedFields(kind, known, change);
      if (changed !== null) this.byKey.set(key, { ...known, ...changed });
      return changed;
    }
    const whole = kind.row.safeParse(change);
    const owner = this.ownerOf(change);
    const count = this.countOf.get(owner) ?? 0;
    if (!whole.success || count >= kind.bound) return null;
    this.byKey.set(key, whole.data);
    this.countOf.set(owner, count + 1);
    return whole.data;
  }

  drop(key: string): Row | undefined {
    const row = this.byKey.get(key);
    if (row === undefined) return undefined;
    this.byKey.delete(key);
    const owner = this.ownerOf(row);
    const left = (this.countOf.get(owner) ?? 1) - 1;
    if (left > 0) this.countOf.set(owner, left);
    else this.countOf.delete(owner);
    return row;
  }

  /** Keys of the rows that are of this node. */
  keysOf(owner: string): string[] {
    if (!this.countOf.has(owner)) return [];
    return [...this.byKey].filter(([, row]) => this.ownerOf(row) === owner).map(([key]) => key);
  }

  private ownerOf(row: Partial<Row>): unknown {
    return this.kind.owner === null ? null : row[this.kind.owner];
  }
}

/** A map of rows after a change; the same map when nothing changed. For those who keep what was before, as pages do. Large ones have no order. */
export function changedRows<Row extends RowData>(
  kind: KindKey,
  rows: ReadonlyMap<string, Row>,
  { put, gone }: KindChange,
): ReadonlyMap<string, Row> {
  if (put.length + gone.length === 0) return rows;
  const left = new Set(gone);
  const changed = new Map<string, Row>();
  for (const change of put) {
    const key = keyOf(kind, change);
    // A row that is new to the receiver comes whole (contract/kinds.ts), so the merge has every field.
    const before = changed.get(key) ?? (left.has(key) ? undefined : rows.get(key));
    changed.set(key, before === undefined ? (change as Row) : { ...before, ...change });
  }
  return changedMap(rows, changed, left);
}

/** What someone does not know yet. One entry for each row, so it is bounded by the rows that there are and were. */
export class PendingRows {
  private readonly kinds = new Map<string, Kind>();
  private readonly put = new Map<string, Map<string, RowData>>();
  private readonly gone = new Map<string, Set<string>>();
  private count = 0;

  /** Rows that changed or went. */
  get size(): number {
    return this.count;
  }

  /** A whole new row, or changed fields with those of the key. */
  notePut(kind: Kind, change: RowData): void {
    this.kinds.set(kind.name, kind);
    const rows = mapOf(this.put, kind.name, () => new Map<string, RowData>());
    const key = keyOf(kind, change);
    const before = rows.get(key);
    if (before === undefined) this.count += 1;
    rows.set(key, before === undefined ? change : { ...before, ...change });
  }

  noteGone(kind: Kind, key: string): void {
    this.kinds.set(kind.name, kind);
    if (this.put.get(kind.name)?.delete(key) === true) this.count -= 1;
    const keys = mapOf(this.gone, kind.name, () => new Set<string>());
    if (!keys.has(key)) this.count += 1;
    keys.add(key);
  }

  clear(): void {
    this.put.clear();
    this.gone.clear();
    this.count = 0;
  }

  /** The oldest of it, `most` rows at most, which then counts as told. */
  take(most = Number.POSITIVE_INFINITY): RowChanges {
    const taken: Record<string, { put: RowData[]; gone: string[] }> = {};
    const changeOf = (name: string) => (taken[name] ??= { put: [], gone: [] });
    let left = most;
    // Those that went come first, also across two takes: a row that came back must not go again.
    for (const [name, keys] of this.gone) {
      for (const key of keys) {
        if (left === 0) break;
        changeOf(name).gone.push(key);
        keys.delete(key);
        left -= 1;
      }
    }
    for (const [name, rows] of this.put) {
      for (const [key, row] of rows) {
        if (left === 0) break;
        changeOf(name).put.push(row);
        rows.delete(key);
        left -= 1;
      }
    }
    this.count -= most === Number.POSITIVE_INFINITY ? this.count : most - left;
    return taken;
  }
}

function mapOf<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/**
 * Changes as they came from outside, with the kinds that this side knows; others are left out.
 * @throws AppError `invalid` for a row that is not of its kind, or more rows than `most`
 */
export function parseRowChanges(kinds: readonly Kind[], changes: RowChanges, most: number): RowChanges {
  const parsed: Record<string, KindChange> = {};
  let count = 0;
  for (const kind of kinds) {
    const change = Object.hasOwn(changes, kind.name) ? changes[kind.name] : undefined;
    if (change === undefined) continue;
    count += change.put.length + change.gone.length;
    if (count > most) throw new AppError('invalid', `more than the ${most} rows that are taken at once`);
    if (kind.owner === null && Math.max(change.put.length, change.gone.length) > kind.bound)
      throw new AppError('invalid', `more than the ${kind.bound} rows of ${kind.name} that are taken`);
    const put = change.put.map((row) => {
      const result = kind.change.safeParse(row);
      if (result.success) return result.data;
      const issue = result.error.issues[0];
      throw new AppError('invalid', `a row of ${kind.name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
    });
    parsed[kind.name] = { put, gone: change.gone };
  }
  return parsed;
}
