// Which numbers a namespace's aliases may get, and which of those is next.
import { defaultNamespace } from '../namespaces.ts';
import { maxVlan, minVlan, type Parsed } from './names.ts';
import type { VlanRange, VlanTable } from './table.ts';

/** `-vlanrange`, or what a person typed: `min max`, the maximum excluded. */
export function parseVlanRange(minText: string, maxText: string): Parsed<VlanRange> {
  const [min, max] = [minText, maxText].map((text) => (/^[+-]?\d+$/.test(text) ? Number(text) : NaN));
  if (min === undefined || max === undefined || Number.isNaN(min) || Number.isNaN(max))
    return { ok: false, message: 'expected integer values for min/max' };
  if (max <= min) return { ok: false, message: 'expected min > max' };
  // Up to 4096, as -vlanrange has it; what is above 4094 is never given away.
  if (min < minVlan || max > maxVlan + 2)
    return { ok: false, message: `invalid VLAN range (0 < min < max <= ${maxVlan + 2})` };
  return { ok: true, value: { min, max } };
}

export class VlanPools {
  private readonly table: VlanTable;
  /** Of this daemon's flag, until somebody sets another. */
  private readonly initial: VlanRange;

  constructor(table: VlanTable, initial: VlanRange) {
    this.table = table;
    this.initial = initial;
  }

  /** The range of a namespace; null: it uses the default one. */
  ownRange(namespace: string): VlanRange | null {
    const own = this.table.range(namespace)?.range ?? null;
    return own === null && namespace === defaultNamespace ? this.initial : own;
  }

  range(namespace: string): VlanRange {
    return this.ownRange(namespace) ?? this.ownRange(defaultNamespace) ?? this.initial;
  }

  /** The namespace whose own range this number is in. */
  reservedFor(vlan: number): string | null {
    const holder = this.table
      .ranges()
      .find(
        ({ namespace, range }) =>
          namespace !== defaultNamespace && range !== null && vlan >= range.min && vlan < range.max,
      );
    return holder?.namespace ?? null;
  }

  /** Another namespace whose own range shares numbers with this one. The default range may overlap any. */
  overlapping(namespace: string, range: VlanRange): string | null {
    if (namespace === defaultNamespace) return null;
    const other = this.table
      .ranges()
      .find(
        (row) =>
          row.namespace !== namespace &&
          row.namespace !== defaultNamespace &&
          row.range !== null &&
          row.range.min < range.max &&
          range.min < row.range.max,
      );
    return other?.namespace ?? null;
  }

  /** Numbers that an alias of this namespace may get, in order. */
  *numbers(namespace: string): Generator<number> {
    const { min, max } = this.range(namespace);
    const others = this.table
      .ranges()
      .flatMap((row) => (row.namespace === namespace || row.namespace === defaultNamespace ? [] : (row.range ?? [])));
    for (let vlan = Math.max(min, minVlan); vlan < max && vlan <= maxVlan; vlan += 1) {
      if (!others.some((other) => vlan >= other.min && vlan < other.max)) yield vlan;
    }
  }

  /**
   * The next number among those that `mayGive` allows: the lowest that nobody had, or else the lowest that was released and
   * does not rest. null: no number is left.
   */
  next(namespace: string, mayGive: (vlan: number) => boolean, isRested: (vlan: number) => boolean): number | null {
    let second: number | null = null;
    for (const vlan of this.numbers(namespace)) {
      const rows = this.table.rowsOf(vlan);
      if (rows.length === 0 && mayGive(vlan)) return vlan;
      if (second === null && rows.every(({ state }) => state === 'released') && mayGive(vlan) && isRested(vlan))
        second = vlan;
    }
    return second;
  }
}
