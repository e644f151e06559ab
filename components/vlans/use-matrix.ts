'use client';
// A matrix as one works with it: virtual both ways, with one stop for the keyboard. Arrows move a cell, Enter or a click acts on it.
import { useVirtualizer, type Range, type VirtualItem } from '@tanstack/react-virtual';
import { useEffect, useId, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, RefObject } from 'react';
import { headerHeight, placeAfter, rowHeight, type GridPlace } from './matrix-layout.ts';

export interface MatrixParts {
  readonly rows: number;
  /** Those of the matrix, after the fixed ones. */
  readonly columns: number;
  /** Columns that stay on the left and that keys reach. */
  readonly fixed: number;
  /** Pixels, of what stays on the left. */
  readonly fixedWidth: number;
  /** Pixels, of each other column. */
  readonly columnWidth: number;
  /** Keys reach the header, as row -1. */
  readonly hasHeader: boolean;
  readonly begin: GridPlace;
  readonly onAct: (at: GridPlace) => void;
}

export interface Matrix {
  /** Of the grid; its cells have `cellId`. */
  readonly id: string;
  /** The active cell. */
  readonly place: GridPlace;
  /** Those that are rendered. */
  readonly rows: readonly VirtualItem[];
  readonly columns: readonly VirtualItem[];
  /** Pixels of all. */
  readonly size: { readonly height: number; readonly width: number };
  /** For the element that scrolls. Cells have their place as `data-row` and `data-column`. */
  readonly grid: {
    readonly ref: RefObject<HTMLDivElement | null>;
    readonly role: 'grid';
    readonly tabIndex: 0;
    readonly 'aria-rowcount': number;
    readonly 'aria-colcount': number;
    readonly 'aria-activedescendant': string | undefined;
    readonly onKeyDown: (event: KeyboardEvent) => void;
    readonly onClick: (event: MouseEvent) => void;
  };
}

export const cellId = (grid: string, { row, column }: GridPlace): string => `${grid}-${row}-${column}`;

export function useMatrix(parts: MatrixParts): Matrix {
  'use no memo';
  const { fixed, fixedWidth, columnWidth, hasHeader, onAct } = parts;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(parts.begin);
  const place = {
    row: Math.min(active.row, parts.rows - 1),
    column: Math.min(active.column, fixed + parts.columns - 1),
  };
  const rows = useVirtualizer({
    count: parts.rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    paddingStart: headerHeight,
    scrollPaddingStart: headerHeight,
    overscan: 8,
    rangeExtractor: (range) => shownIndexes(range, place.row),
  });
  const columns = useVirtualizer({
    horizontal: true,
    count: parts.columns,
    getScrollElement: () => scroller.current,
    estimateSize: () => columnWidth,
    paddingStart: fixedWidth,
    scrollPaddingStart: fixedWidth,
    overscan: 3,
    rangeExtractor: (range) => shownIndexes(range, place.column - fixed),
  });
  useEffect(() => columns.measure(), [columns, columnWidth, fixedWidth]);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') onAct(place);
    else {
      const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2);
      const next = placeAfter(place, event, { rows: parts.rows, columns: fixed + parts.columns, page });
      if (next === null) return;
      const at = hasHeader ? next : { ...next, row: Math.max(0, next.row) };
      setActive(at);
      if (at.row >= 0) rows.scrollToIndex(at.row);
      if (at.column >= fixed) columns.scrollToIndex(at.column - fixed);
    }
    event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    if (!(event.target instanceof Element)) return;
    // Beside its last cell, a row that can be selected is its first one.
    const row = event.target.closest('[role=row][aria-selected]');
    const cell = event.target.closest<HTMLElement>('[data-column]') ?? row?.querySelector<HTMLElement>('[data-column]');
    if (!cell) return;
    const at = { row: Number(cell.dataset['row']), column: Number(cell.dataset['column']) };
    setActive(at);
    onAct(at);
  };

  return {
    ...{ id, place, rows: rows.getVirtualItems(), columns: columns.getVirtualItems() },
    size: { height: rows.getTotalSize(), width: columns.getTotalSize() },
    grid: {
      ...{ ref: scroller, role: 'grid', tabIndex: 0, onKeyDown, onClick },
      'aria-rowcount': parts.rows + 1,
      'aria-colcount': fixed + parts.columns,
      'aria-activedescendant': parts.rows === 0 && !hasHeader ? undefined : cellId(id, place),
    },
  };
}

/** The active cell stays in the document while it is out of sight: it is what a screen reader is on. */
function shownIndexes({ startIndex, endIndex, overscan, count }: Range, extra: number): number[] {
  const first = Math.max(0, startIndex - overscan);
  const last = Math.min(count - 1, endIndex + overscan);
  const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  if (extra < 0 || extra >= count || (extra >= first && extra <= last)) return indexes;
  return extra < first ? [extra, ...indexes] : [...indexes, extra];
}
