// Marked rows of a table, by key: one at a time, a range, or all. Pure.

export type Marks = ReadonlySet<string>;

export const noMarks: Marks = new Set();

/** With this row marked or not. */
export function withMark(marks: Marks, key: string, isMarked: boolean): Marks {
  const next = new Set(marks);
  if (isMarked) next.add(key);
  else next.delete(key);
  return next;
}

/**
 * With all rows from one to another, both included, marked or not as the last one was. `keys`: in the order of the table. If `from` is no
 * longer among them, `to` alone changes.
 */
export function withRange(
  marks: Marks,
  keys: readonly string[],
  { from, to, isMarked }: { from: string; to: string; isMarked: boolean },
): Marks {
  const atTo = keys.indexOf(to);
  const atFrom = keys.indexOf(from);
  if (atTo < 0) return marks;
  const [first, last] = [Math.min(atFrom < 0 ? atTo : atFrom, atTo), Math.max(atFrom, atTo)];
  const next = new Set(marks);
  for (const key of keys.slice(first, last + 1)) {
    if (isMarked) next.add(key);
    else next.delete(key);
  }
  return next;
}

/** How many of these are marked. */
export function countMarked(marks: Marks, keys: Iterable<string>): number {
  if (marks.size === 0) return 0;
  let count = 0;
  for (const key of keys) if (marks.has(key)) count += 1;
  return count;
}
