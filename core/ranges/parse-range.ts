// Node ranges, reading: `node[1-3,7],head` to names. The grammar is minimega's (pkg/ranges), without its surprises: a
// range that runs backwards, an empty name and a name beyond its length are errors, a suffix may follow the bracket
// (describeRange prints one), spaces around names do not count, and a name is listed once.
import { maxRangeNameLength, maxRangeNames } from '../../contract/limits.ts';

export type RangeResult =
  { readonly ok: true; readonly names: string[] } | { readonly ok: false; readonly message: string };

/** Numbers above it are out of range, as in minimega; describeRange leaves them as plain text. */
export const maxRangeNumber = 2147483647;

class RangeIssue extends Error {}

/**
 * Expands a range to its names, in the order written (numbers of one bracket ascending), each once. Empty text has no
 * names. At most `maxRangeNames` names.
 */
export function parseRange(text: string): RangeResult {
  try {
    const names = new Set<string>();
    for (const item of splitItems(text)) {
      for (const name of expandItem(item, names.size)) names.add(name);
      assertCount(names.size);
    }
    return { ok: true, names: [...names] };
  } catch (error) {
    if (error instanceof RangeIssue) return { ok: false, message: error.message };
    throw error;
  }
}

/** Splits at commas outside brackets, and finds brackets that do not pair. A trailing comma is dropped. */
function splitItems(text: string): string[] {
  const items: string[] = [];
  let start = 0;
  let open = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '[') {
      if (open) throw new RangeIssue(`nested '[' at char ${at}`);
      open = true;
    } else if (char === ']') {
      if (!open) throw new RangeIssue(`unmatched ']' at char ${at}`);
      open = false;
    } else if (char === ',' && !open) {
      items.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  if (open) throw new RangeIssue(`unterminated '[' in \`${clip(text)}\``);
  const last = text.slice(start).trim();
  if (last !== '') items.push(last);
  if (items.includes('')) throw new RangeIssue(`empty name in \`${clip(text)}\`: two commas without a name between`);
  return items;
}

function expandItem(item: string, already: number): string[] {
  const open = item.indexOf('[');
  if (/\s/.test(item)) throw new RangeIssue(`\`${clip(item)}\`: no spaces inside a name or a bracket`);
  if (open === -1) return [assertLength(item)];
  const close = item.indexOf(']');
  const prefix = item.slice(0, open);
  const suffix = item.slice(close + 1);
  if (suffix.includes('[')) throw new RangeIssue(`\`${clip(item)}\`: one bracket per name`);
  const numbers = expandNumbers(item.slice(open + 1, close), item, already);
  return numbers.map((number) => assertLength(prefix + number + suffix));
}

/**
 * The inside of a bracket. Leading zeros are kept only where every number has the same length in the end; a sub-range
 * keeps its own only if both ends are of one length.
 */
function expandNumbers(inside: string, item: string, already: number): string[] {
  const texts = new Map<number, string>();
  for (const part of inside.split(',')) {
    const ends = part.split('-');
    if (ends.length > 2) throw new RangeIssue(`invalid subrange ${clip(part)}`);
    const [first = '', last = first] = ends;
    const from = readNumber(first, item);
    const to = readNumber(last, item);
    if (to < from) {
      throw new RangeIssue(
        `range runs backwards: \`${first}-${last}\` in \`${clip(item)}\`; write \`${last}-${first}\``,
      );
    }
    assertCount(already + texts.size, to - from + 1 - texts.size);
    const width = first.length === last.length ? first.length : 0;
    for (let number = from; number <= to; number += 1) texts.set(number, String(number).padStart(width, '0'));
    assertCount(already + texts.size);
  }
  const ascending = [...texts].sort(([a], [b]) => a - b);
  const width = ascending[0]?.[1].length;
  const padded = ascending.every(([, text]) => text.length === width);
  return ascending.map(([number, text]) => (padded ? text : String(number)));
}

function readNumber(text: string, item: string): number {
  if (!/^[0-9]+$/.test(text)) {
    const what = text === '' ? 'a number is missing' : `\`${clip(text)}\` is not a number`;
    throw new RangeIssue(`${what} in \`${clip(item)}\``);
  }
  const number = Number(text);
  if (text.length > maxRangeNameLength || number > maxRangeNumber) {
    throw new RangeIssue(`value out of range: ${clip(text)} (at most ${maxRangeNumber})`);
  }
  return number;
}

function assertCount(names: number, more = 0): void {
  if (names + more > maxRangeNames) throw new RangeIssue(`more than ${maxRangeNames} names in one range`);
}

function assertLength(name: string): string {
  if (name.length > maxRangeNameLength) {
    throw new RangeIssue(`name of ${name.length} characters: \`${clip(name)}\` (at most ${maxRangeNameLength})`);
  }
  return name;
}

/** Messages carry what was typed, but not a megabyte of it. */
function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
