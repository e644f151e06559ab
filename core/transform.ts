// `.columns` and `.filter`: answers to answers, with minimega's error texts. `Data` is left alone, as there.
import type { ResponseEntry } from '../contract/command-socket.ts';
import { AppError } from '../contract/errors.ts';

/**
 * Keeps the named columns in the order given; an entry without rows takes the names as its header, unchecked.
 * @throws AppError `invalid` for a name that is not a column.
 */
export function selectColumns(entries: readonly ResponseEntry[], columnsCsv: string): ResponseEntry[] {
  const names = columnsCsv.split(',');
  return entries.map((entry) => {
    if (entry.Header === null) return entry;
    if (!entry.Tabular?.length) return { ...entry, Header: names };
    const header = entry.Header;
    const picked = names.map((name) => findColumn(header, name));
    return {
      ...entry,
      Header: picked.map((at) => header[at] ?? ''),
      Tabular: entry.Tabular.map((row) => picked.map((at) => row[at] ?? '')),
    };
  });
}

/**
 * Where a column that somebody named in lower case stands. An abbreviation is not a column, as in minimega.
 * @throws AppError `invalid` for a name that is not a column
 */
export function findColumn(header: readonly string[], name: string): number {
  const at = header.findIndex((column) => column.toLowerCase() === name);
  if (at < 0) throw new AppError('invalid', `no such column \`${name}\``);
  return at;
}

type Operator = '!~' | '~' | '!=' | '=';
const operators: readonly Operator[] = ['!~', '~', '!=', '='];

/** One condition, in lower case. */
export interface RowFilter {
  readonly column: string;
  readonly operator: Operator;
  readonly value: string;
}

/**
 * Keeps the rows where `column=value` holds (also `!=`, `~` contains, `!~`), whatever the case. The column `host` keeps or
 * drops whole entries. Entries without a table pass.
 * @throws AppError `invalid` for an expression that cannot be read or a column that is not there.
 */
export function filterRows(entries: readonly ResponseEntry[], filter: string): ResponseEntry[] {
  const wanted = parseFilter(filter);
  if (wanted.column === 'host') return entries.filter((entry) => fitsFilter(entry.Host, wanted));
  return entries.map((entry) => {
    if (!entry.Tabular?.length || entry.Header === null) return entry;
    const at = findColumn(entry.Header, wanted.column);
    return { ...entry, Tabular: entry.Tabular.filter((row) => fitsFilter(row[at] ?? '', wanted)) };
  });
}

/** @throws AppError `invalid` for an expression that cannot be read */
export function parseFilter(filter: string): RowFilter {
  const operator = operators.find((candidate) => filter.includes(candidate));
  const [column, value, ...more] = operator === undefined ? [] : filter.split(operator);
  if (operator === undefined || column === undefined || value === undefined || more.length > 0) {
    throw new AppError('invalid', 'invalid filter, see help');
  }
  return { column: column.toLowerCase(), operator, value: value.toLowerCase() };
}

export function fitsFilter(cell: string, { operator, value }: RowFilter): boolean {
  const lower = cell.toLowerCase();
  // Cells that are lists or maps in text form always match by what they contain.
  const isCompound = /^\[.*\]$|^\{.*\}$/s.test(lower);
  const isMatch = operator.endsWith('~') || isCompound ? lower.includes(value) : lower === value;
  return operator.startsWith('!') ? !isMatch : isMatch;
}
