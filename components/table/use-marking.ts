'use client';
// Marks of a table as one works with them: a box turns its row, and with Shift all rows since the last one that was turned.
import { useCallback, useEffect, useRef } from 'react';
import { countMarked, noMarks, withMark, withRange, type Marks } from './marks.ts';

export interface Marking {
  /** `isRange`: from the row that was turned last. The same function at each rendering. */
  readonly mark: (key: string, isMarked: boolean, isRange: boolean) => void;
  /** For the box of all rows. */
  readonly all: {
    readonly checked: boolean;
    readonly isMixed: boolean;
    readonly onCheckedChange: (isMarked: boolean) => void;
  };
}

export interface MarkingParts<Row> {
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly marks: Marks | undefined;
  readonly onMark: ((marks: Marks) => void) | undefined;
}

export function useMarking<Row>(parts: MarkingParts<Row>): Marking {
  const latest = useRef(parts);
  useEffect(() => {
    latest.current = parts;
  });
  const last = useRef('');
  const mark = useCallback((key: string, isMarked: boolean, isRange: boolean) => {
    const { rows, keyOf, marks = noMarks, onMark } = latest.current;
    const from = last.current;
    last.current = key;
    if (!isRange || from === '') onMark?.(withMark(marks, key, isMarked));
    else onMark?.(withRange(marks, rows.map(keyOf), { from, to: key, isMarked }));
  }, []);
  const { rows, keyOf, marks = noMarks, onMark } = parts;
  const count = marks.size === 0 ? 0 : countMarked(marks, rows.map(keyOf));
  return {
    mark,
    all: {
      checked: count > 0 && count === rows.length,
      isMixed: count > 0 && count < rows.length,
      onCheckedChange: (isMarked) => onMark?.(isMarked ? new Set(rows.map(keyOf)) : noMarks),
    },
  };
}
