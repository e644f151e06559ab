// The table of VLANs as one node has it: who holds each number, and the ranges of namespaces. Nodes that have heard the same
// rows, in whatever order and however often, have the same table.
//
// Each number has one row, written by its owner. What a person forces while the owner is away has its own row, since the
// owner may have given the number to somebody else: neither may hide the other.
import { isNewer, PartHashes, partOf, tableParts, type RowVersion } from '../tables/versions.ts';
import type { AliasName } from './names.ts';

export interface VlanRow extends RowVersion, AliasName {
  readonly vlan: number;
  /** `released`: nobody holds it; it rests until every member knows. Who held it last stays in the row. */
  readonly state: 'held' | 'released';
  /** A person chose the number. */
  readonly pinned: boolean;
  /** Written without the number's owner. */
  readonly forced: boolean;
}

/** `max` is the first number after the range, as in minimega. */
export interface VlanRange {
  readonly min: number;
  readonly max: number;
}

export interface RangeRow extends RowVersion {
  readonly namespace: string;
  /** null: it no longer has one. */
  readonly range: VlanRange | null;
}

export interface TableRows {
  readonly rows: readonly VlanRow[];
  readonly ranges: readonly RangeRow[];
}

/** One alias with several numbers: two sides of a split decided on it. */
export interface SplitAlias extends AliasName {
  readonly vlans: readonly number[];
}

/** One number with several holders: somebody forced it. */
export interface Clash {
  readonly vlan: number;
  readonly holders: readonly AliasName[];
}

/** Forced rows of one number. Each is a person's line; nobody needs more, and a table must not grow without bound. */
export const maxForcedRows = 8;
/** Ranges: as many as there may be namespaces. */
export const maxRanges = 1_000;

const aliasKey = ({ namespace, alias }: AliasName) => `${namespace}//${alias}`;
const rowKey = (row: VlanRow) => (row.forced ? `${row.vlan} ${aliasKey(row)}` : String(row.vlan));

const rowText = ({ vlan, namespace, alias, state, pinned, forced, counter, node }: VlanRow) =>
  JSON.stringify([vlan, namespace, alias, state, pinned, forced, counter, node]);
const rangeText = ({ namespace, range, counter, node }: RangeRow) =>
  JSON.stringify([namespace, range?.min, range?.max, counter, node]);

export class VlanTable {
  private readonly byKey = new Map<string, VlanRow>();
  private readonly keysOfVlan = new Map<number, Set<string>>();
  private readonly heldByAlias = new Map<string, Map<string, VlanRow>>();
  private readonly rangeRows = new Map<string, RangeRow>();
  private readonly parts = new PartHashes();

  /** Takes rows from anywhere. @returns those that were news */
  merge({ rows, ranges }: TableRows): TableRows {
    return {
      rows: rows.filter((row) => this.take(row)),
      ranges: ranges.filter((row) => this.takeRange(row)),
    };
  }

  /** Takes rows; the function returned puts back what was there before them, except where something newer came meanwhile. */
  mergeForNow({ rows, ranges }: TableRows): () => void {
    const befores = rows.map((row) => this.before(row));
    const rangesBefore = ranges.map(({ namespace }) => this.range(namespace));
    this.merge({ rows, ranges });
    return () => {
      rows.forEach((row, at) => {
        this.undo(row, befores[at]);
      });
      ranges.forEach((row, at) => {
        this.undoRange(row, rangesBefore[at]);
      });
    };
  }

  private undo(row: VlanRow, before: VlanRow | undefined): void {
    if (this.byKey.get(rowKey(row)) !== row) return;
    this.drop(row);
    if (before !== undefined) this.put(before);
  }

  private undoRange(row: RangeRow, before: RangeRow | undefined): void {
    if (this.rangeRows.get(row.namespace) !== row) return;
    this.rangeRows.delete(row.namespace);
    this.count(rangeText(row), row.namespace);
    if (before === undefined) return;
    this.rangeRows.set(before.namespace, before);
    this.count(rangeText(before), before.namespace);
  }

  /** What this row would replace. */
  before(row: VlanRow): VlanRow | undefined {
    return this.byKey.get(rowKey(row));
  }

  /** The row of the number's owner. */
  owned(vlan: number): VlanRow | undefined {
    return this.byKey.get(String(vlan));
  }

  /** All rows of a number, the owner's and forced ones. */
  rowsOf(vlan: number): VlanRow[] {
    return [...(this.keysOfVlan.get(vlan) ?? [])].flatMap((key) => this.byKey.get(key) ?? []);
  }

  holders(vlan: number): VlanRow[] {
    return this.rowsOf(vlan).filter(({ state }) => state === 'held');
  }

  /** The rows that give this alias a number, the smallest number first; more than one: it is split. */
  held(name: AliasName): VlanRow[] {
    return [...(this.heldByAlias.get(aliasKey(name))?.values() ?? [])].sort((a, b) => a.vlan - b.vlan);
  }

  all(): TableRows {
    return { rows: [...this.byKey.values()], ranges: [...this.rangeRows.values()] };
  }

  /** Rows that hold a number now, by number. */
  heldRows(): VlanRow[] {
    return [...this.byKey.values()].filter(({ state }) => state === 'held').sort((a, b) => a.vlan - b.vlan);
  }

  range(namespace: string): RangeRow | undefined {
    return this.rangeRows.get(namespace);
  }

  ranges(): RangeRow[] {
    return [...this.rangeRows.values()];
  }

  /** Numbers that this alias has, when they are several. */
  isSplit(name: AliasName): boolean {
    return new Set(this.held(name).map(({ vlan }) => vlan)).size > 1;
  }

  isClash(vlan: number): boolean {
    return new Set(this.holders(vlan).map(aliasKey)).size > 1;
  }

  splits(): SplitAlias[] {
    return [...this.heldByAlias.values()].flatMap((rows) => {
      const [first] = rows.values();
      if (first === undefined || first.alias === '' || !this.isSplit(first)) return [];
      const vlans = [...new Set(this.held(first).map(({ vlan }) => vlan))];
      return [{ namespace: first.namespace, alias: first.alias, vlans }];
    });
  }

  clashes(): Clash[] {
    return [...this.keysOfVlan.keys()]
      .filter((vlan) => this.isClash(vlan))
      .map((vlan) => ({
        vlan,
        holders: this.holders(vlan)
          .map(({ namespace, alias }) => ({ namespace, alias }))
          .sort((a, b) => (aliasKey(a) < aliasKey(b) ? -1 : 1)),
      }));
  }

  /** One hash for each part of the table: equal hashes, equal rows. */
  hashes(): string[] {
    return this.parts.texts();
  }

  /** The rows in the parts whose hashes differ from these. */
  differing(hashes: readonly string[]): TableRows {
    const differs = this.parts.differing(hashes);
    return {
      rows: [...this.byKey.values()].filter(({ vlan }) => differs[vlan % tableParts]),
      ranges: [...this.rangeRows.values()].filter(({ namespace }) => differs[partOf(namespace)]),
    };
  }

  private take(row: VlanRow): boolean {
    const known = this.byKey.get(rowKey(row));
    if (known !== undefined && !isNewer(row, known, rowText)) return false;
    if (known !== undefined) this.drop(known);
    this.put(row);
    // Which of too many stay must not depend on the order in which they came: those with the smallest keys.
    const forced = row.forced ? this.rowsOf(row.vlan).filter((each) => each.forced) : [];
    if (forced.length <= maxForcedRows) return true;
    const last = forced.reduce((a, b) => (rowKey(a) > rowKey(b) ? a : b));
    this.drop(last);
    return last !== row;
  }

  private takeRange(row: RangeRow): boolean {
    const known = this.rangeRows.get(row.namespace);
    if (known !== undefined && !isNewer(row, known, rangeText)) return false;
    if (known !== undefined) this.count(rangeText(known), row.namespace);
    this.rangeRows.set(row.namespace, row);
    this.count(rangeText(row), row.namespace);
    if (this.rangeRows.size <= maxRanges) return true;
    const last = [...this.rangeRows.values()].reduce((a, b) => (a.namespace > b.namespace ? a : b));
    this.rangeRows.delete(last.namespace);
    this.count(rangeText(last), last.namespace);
    return last !== row;
  }

  private put(row: VlanRow): void {
    const key = rowKey(row);
    this.byKey.set(key, row);
    const keys = this.keysOfVlan.get(row.vlan) ?? new Set();
    this.keysOfVlan.set(row.vlan, keys.add(key));
    if (row.state === 'held') {
      const rows = this.heldByAlias.get(aliasKey(row)) ?? new Map<string, VlanRow>();
      this.heldByAlias.set(aliasKey(row), rows.set(key, row));
    }
    this.parts.flip(rowText(row), row.vlan % tableParts);
  }

  private drop(row: VlanRow): void {
    const key = rowKey(row);
    this.byKey.delete(key);
    const keys = this.keysOfVlan.get(row.vlan);
    keys?.delete(key);
    if (keys?.size === 0) this.keysOfVlan.delete(row.vlan);
    const rows = this.heldByAlias.get(aliasKey(row));
    rows?.delete(key);
    if (rows?.size === 0) this.heldByAlias.delete(aliasKey(row));
    this.parts.flip(rowText(row), row.vlan % tableParts);
  }

  private count(text: string, namespace: string): void {
    this.parts.flip(text, partOf(namespace));
  }
}

/** A number with its next state, written by `node`. `forced` rows are beside the owner's. */
export function nextRow(table: VlanTable, row: Omit<VlanRow, 'counter' | 'node'>, node: string): VlanRow {
  const before = table.before({ ...row, counter: 0, node });
  return { ...row, counter: (before?.counter ?? 0) + 1, node };
}
