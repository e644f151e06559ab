// The columns of a table: what they are called, show and sort by; and the order of rows by one of them. Pure.
import type { ReactNode } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';

/** What rows are ordered by; undefined stands last both ways. */
export type SortValue = number | string | undefined;

export interface Column<Row> {
  readonly id: string;
  /** In the header; numbers have their unit there. */
  readonly title: string;
  /** The same in full: a tooltip, and what a screen reader says. */
  readonly hint?: string;
  /** `end`: numbers, also begun with the largest. */
  readonly align?: 'start' | 'end';
  /** Absent: the table cannot be sorted by it. */
  readonly sortBy?: (row: Row) => SortValue;
  /** Called again when its row is another object. */
  readonly cell: (row: Row) => ReactNode;
  /** In rem. Absent: it shares what the others leave, and has `leastWidth` at least. */
  readonly width?: number;
}

/** In rem, of a column without a width. */
export const leastWidth = 9;

export interface Sort {
  readonly column: string;
  readonly isDescending: boolean;
}

/** `load` or `-load`, as the URL has it; anything that is not sorted by: as `first` says. */
export function parseSort<Row>(columns: readonly Column<Row>[], text: string, first: string): Sort {
  const isDescending = text.startsWith('-');
  const id = isDescending ? text.slice(1) : text;
  const column = columns.find((each) => each.id === id && each.sortBy);
  return column === undefined ? { column: first, isDescending: false } : { column: id, isDescending };
}

export function sortText({ column, isDescending }: Sort): string {
  return `${isDescending ? '-' : ''}${column}`;
}

/** What a click on a header asks for: numbers begin with the largest; a second click turns the order round. */
export function nextSort<Row>(column: Column<Row>, now: Sort): Sort {
  const isDescending = now.column === column.id ? !now.isDescending : column.align === 'end';
  return { column: column.id, isDescending };
}

/** `sign`: -1 turns values round, but not what has none. */
export function compareValues(a: SortValue, b: SortValue, sign: 1 | -1): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : compareNames(String(a), String(b)));
}

/** Rows with equal values stay in the order that they came in. */
export function sortRows<Row>(columns: readonly Column<Row>[], rows: readonly Row[], sort: Sort): readonly Row[] {
  const valueOf = columns.find(({ id }) => id === sort.column)?.sortBy;
  if (valueOf === undefined) return rows;
  const sign = sort.isDescending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: valueOf(row) }))
    .sort((a, b) => compareValues(a.value, b.value, sign))
    .map(({ row }) => row);
}
