// What a table is given, and a row on a phone. Apart from the table, since both of its forms take it.
import type { ReactNode } from 'react';
import type { Column, Sort } from './column.ts';
import type { Marks } from './marks.ts';

/** A row on a phone. */
export interface PhoneLines {
  readonly title: ReactNode;
  readonly detail: ReactNode;
  /** At the end of both lines. */
  readonly aside?: ReactNode;
}

export interface DataTableProps<Row> {
  /** What the table is of: `VMs`. */
  readonly label: string;
  /** The same array from one rendering to the next, or each row is rendered again. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** What a row is called, for the box that marks it. */
  readonly nameOf: (row: Row) => string;
  readonly phone: (row: Row) => PhoneLines;
  /** Rows that matter less; absent: none do. */
  readonly isFaint?: (row: Row) => boolean;
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  /** Key of the selected row; empty: none. */
  readonly selected: string;
  readonly onSelect: (key: string | null) => void;
  /** Enter on the selected row. */
  readonly onOpen?: (row: Row) => void;
  /** Keys of marked rows; absent: rows have no boxes. */
  readonly marks?: Marks;
  readonly onMark?: (marks: Marks) => void;
}
