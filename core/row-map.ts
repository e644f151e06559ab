// A map that is never changed, of which another one with a few changes is made without copying all of it: 10,000 VMs change 50 times a second, and
// who holds a map from before must not see that. Rows lie in parts by a hash of their key, and only touched parts are copied. It has no order.

const parts = 128;

export class RowMap<Row> implements ReadonlyMap<string, Row> {
  readonly size: number;
  private readonly parts: readonly (ReadonlyMap<string, Row> | undefined)[];

  private constructor(size: number, all: readonly (ReadonlyMap<string, Row> | undefined)[]) {
    this.size = size;
    this.parts = all;
  }

  static of<Row>(rows: ReadonlyMap<string, Row>): RowMap<Row> {
    if (rows instanceof RowMap) return rows as RowMap<Row>;
    return new RowMap<Row>(0, new Array(parts)).with(rows, []);
  }

  /** Those of `changedKeys`. */
  static changedKeys<Row>(before: RowMap<Row>, after: RowMap<Row>): string[] {
    const none: ReadonlyMap<string, Row> = new Map();
    return after.parts.flatMap((part, at) =>
      part === before.parts[at] ? [] : differences(before.parts[at] ?? none, part ?? none),
    );
  }

  /** Without those of `gone`, then with those of `put`. */
  with(put: Iterable<readonly [string, Row]>, gone: Iterable<string>): RowMap<Row> {
    const next = [...this.parts];
    const own = new Map<number, Map<string, Row>>();
    let { size } = this;
    const partOf = (key: string): Map<string, Row> => {
      const at = hash(key);
      let part = own.get(at);
      if (part === undefined) {
        own.set(at, (part = new Map(this.parts[at])));
        next[at] = part;
      }
      return part;
    };
    for (const key of gone) if (partOf(key).delete(key)) size -= 1;
    for (const [key, row] of put) {
      const part = partOf(key);
      if (!part.has(key)) size += 1;
      part.set(key, row);
    }
    return new RowMap(size, next);
  }

  get(key: string): Row | undefined {
    return this.parts[hash(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.parts[hash(key)]?.has(key) ?? false;
  }

  *entries(): MapIterator<[string, Row]> {
    for (const part of this.parts) if (part) yield* part.entries();
  }

  *keys(): MapIterator<string> {
    for (const part of this.parts) if (part) yield* part.keys();
  }

  *values(): MapIterator<Row> {
    for (const part of this.parts) if (part) yield* part.values();
  }

  [Symbol.iterator](): MapIterator<[string, Row]> {
    return this.entries();
  }

  forEach(call: (row: Row, key: string, map: ReadonlyMap<string, Row>) => void): void {
    for (const [key, row] of this.entries()) call(row, key, this);
  }
}

/** A map after a change: a copy in the order of the one before while it is small, which then costs less. */
export function changedMap<Row>(
  rows: ReadonlyMap<string, Row>,
  put: ReadonlyMap<string, Row>,
  gone: ReadonlySet<string>,
): ReadonlyMap<string, Row> {
  if (rows.size + put.size > fewRows) return RowMap.of(rows).with(put, gone);
  const next = new Map(rows);
  for (const key of gone) next.delete(key);
  for (const [key, row] of put) next.set(key, row);
  return next;
}

/** So many are copied at each change. */
const fewRows = 1_000;

/** Keys whose rows are other objects in two maps, or are in one of them only. Of two RowMaps it looks at parts that differ. */
export function changedKeys<Row>(before: ReadonlyMap<string, Row>, after: ReadonlyMap<string, Row>): readonly string[] {
  if (before === after) return [];
  if (before instanceof RowMap && after instanceof RowMap)
    return RowMap.changedKeys(before as RowMap<Row>, after as RowMap<Row>);
  return differences(before, after);
}

function differences<Row>(before: ReadonlyMap<string, Row>, after: ReadonlyMap<string, Row>): string[] {
  const keys: string[] = [];
  for (const [key, row] of after) if (before.get(key) !== row) keys.push(key);
  for (const key of before.keys()) if (!after.has(key)) keys.push(key);
  return keys;
}

/** FNV-1a, as the number of a part. */
function hash(key: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) value = Math.imul(value ^ key.charCodeAt(at), 0x01000193);
  return (value >>> 0) % parts;
}
