// Kinds: sorts of rows that travel from the nodes to watchers and on to browsers, all in one form. A definition says what a
// row looks like and what names it; differences, merges, bounds and the wire follow from it (core/rows.ts).
//
//   {"hosts": {"put": [whole rows, or the changed fields beside those of the key], "gone": ["key", …]}}
//
// Who applies a change takes `gone` first: a row that went and came back is in both.
//
// What names the rows is in kind-keys.ts, for pages. zod/mini: the daemon starts sooner than with all of zod.
import * as z from 'zod/mini';
import type { RowsKey } from './kind-keys.ts';

type Shape = Readonly<Record<string, z.ZodMiniType>>;

export type RowData = Readonly<Record<string, unknown>>;

export interface Kind<Row extends RowData = RowData> extends RowsKey<Row> {
  /** Rows of one owner; without an owner, of one cluster. */
  readonly bound: number;
  readonly shape: Shape;
  /** Every field is there, null where a value is not known: a missing field means `unchanged`. */
  readonly row: z.ZodMiniType<Row>;
  /** Some fields, those of the key among them. */
  readonly change: z.ZodMiniType<Partial<Row>>;
}

export type RowOf<K> = K extends Kind<infer Row> ? Row : never;

/** What changed in the rows of one kind. */
export interface KindChange<Row extends RowData = RowData> {
  readonly put: readonly Partial<Row>[];
  readonly gone: readonly string[];
}

/** By name of the kind; kinds without a change are left out. */
export type RowChanges = Readonly<Record<string, KindChange>>;

export function defineKind<S extends Shape>(definition: {
  readonly name: string;
  readonly row: z.ZodMiniObject<S>;
  readonly key: readonly (keyof S & string)[];
  readonly owner?: (keyof S & string) | null;
  readonly bound: number;
}): Kind<z.infer<z.ZodMiniObject<S>>> {
  const { name, row, key, owner = null, bound } = definition;
  return kindOf({ name, shape: row.shape, key, owner, bound });
}

/** The same kind with more fields in its rows. `key`: that of `kind` unless given. */
export function extendKind<Row extends RowData, Extra extends Shape>(
  kind: Kind<Row>,
  extra: Extra,
  key: readonly string[] = kind.key,
): Kind<Row & z.infer<z.ZodMiniObject<Extra>>> {
  const { name, owner, bound, shape } = kind;
  return kindOf({ name, shape: { ...shape, ...extra }, key, owner, bound });
}

/** The caller says which rows the shape is of: zod's types follow nothing that is put together at run time. */
function kindOf<Row extends RowData>(parts: Pick<Kind, 'name' | 'shape' | 'key' | 'owner' | 'bound'>): Kind<Row> {
  const row = z.object(parts.shape);
  const change = z.required(z.partial(row), Object.fromEntries(parts.key.map((field) => [field, true])) as never);
  return { ...parts, row: row as unknown as Kind<Row>['row'], change: change as unknown as Kind<Row>['change'] };
}

/**
 * As `RowChanges`, for what a table of rows tells: each was parsed when it came in. There are tens of thousands in an answer, and looking
 * into each again would take longer than all else of it.
 */
export const TableChanges = z.record(
  z.string(),
  z.object({ put: z.array(z.unknown() as z.ZodMiniType<Record<string, unknown>>), gone: z.array(z.string()) }),
);

/** The wire of changes, before the kinds in it are known. */
export const RowChanges = z.record(
  z.string().check(z.maxLength(64)),
  z.object({
    put: z.array(z.record(z.string().check(z.maxLength(64)), z.unknown())),
    gone: z.array(z.string().check(z.maxLength(1_024))),
  }),
);
