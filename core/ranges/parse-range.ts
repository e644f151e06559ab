// Node ranges, reading: `node[1-3,7],head` to names. The grammar is minimega's (pkg/ranges), without its surprises: a
// range that runs backwards, zeros that would be lost, an empty name and a name beyond its length are errors, a suffix may
// follow the bracket (describeRange prints one), spaces around names do not count, and a name is listed once. An IPv6
// address may stand in brackets.
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
  if (open === -1) {
    const span = addressSpan(item);
    if (span !== null)
      throw new RangeIssue(`\`${clip(item)}\` is not a name: for addresses in a row write \`${span}\``);
    return [assertLength(item)];
  }
  const close = item.indexOf(']');
  const prefix = item.slice(0, open);
  const suffix = item.slice(close + 1);
  const inside = item.slice(open + 1, close);
  if (prefix === '' && /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(inside)) {
    if (suffix !== '') throw new RangeIssue(`\`${clip(item)}\`: without a port here; write \`${clip(inside)}\``);
    return [assertLength(inside)];
  }
  if (suffix.includes('[')) throw new RangeIssue(`\`${clip(item)}\`: one bracket per name${inTurn(item, already)}`);
  const numbers = expandNumbers(inside, item, already);
  return numbers.map((number) => assertLength(prefix + number + suffix));
}

/** `rack[1-2]-node[1-3]` as names with one bracket each, where the first bracket is short. */
function inTurn(item: string, already: number): string {
  const close = item.indexOf(']');
  const open = item.indexOf('[');
  const numbers = expandNumbers(item.slice(open + 1, close), item, already);
  const rest = item.slice(close + 1);
  if (numbers.length > 4 || rest.indexOf('[') !== rest.lastIndexOf('[')) return '';
  return `; write \`${numbers.map((number) => item.slice(0, open) + number + rest).join(',')}\``;
}

/** `10.0.0.10-20` and `10.0.0.10-10.0.0.20` are what other tools take for ranges: as ours, or null for anything else. */
function addressSpan(item: string): string | null {
  const [, network, from, again, to] = /^((?:\d{1,3}\.){3})(\d{1,3})-((?:\d{1,3}\.){3})?(\d{1,3})$/.exec(item) ?? [];
  if (network === undefined || from === undefined || to === undefined) return null;
  if (again !== undefined && again !== network) return `${network}[${from}-254],${again}[1-${to}]`;
  return `${network}[${from}-${to}]`;
}

/** Why a text is not one name, where exactly one is wanted; null when it is. */
export function findRangeIssue(text: string): string | null {
  const parsed = parseRange(text);
  if (!parsed.ok) return parsed.message;
  const [first = text, second] = parsed.names;
  if (second !== undefined) {
    return `\`${clip(text)}\` is a range of ${parsed.names.length} names: this takes one at a time, such as \`${clip(first)}\``;
  }
  return first === text || text === `[${first}]`
    ? null
    : `\`${clip(text)}\` is one name written as a range: write \`${clip(first)}\``;
}

/**
 * What a name that is unknown may have been meant as: `node1-3` and `node1-node3` are names, and ranges elsewhere. A
 * sentence to put behind the error, or an empty text.
 */
export function rangeHint(name: string): string {
  const [, prefix, from, again, to] =
    /^([A-Za-z][A-Za-z0-9.-]*?)(\d+)-([A-Za-z][A-Za-z0-9.-]*?)?(\d+)$/.exec(name) ?? [];
  if (prefix === undefined || from === undefined || to === undefined) return '';
  if ((again !== undefined && again !== prefix) || Number(from) >= Number(to)) return '';
  const isPadded = from.startsWith('0');
  return `; for a node range write \`${prefix}[${from}-${isPadded ? to.padStart(from.length, '0') : to}]\``;
}

/** The inside of a bracket. Where a number has zeros in front, all have one width: without that they would be lost. */
function expandNumbers(inside: string, item: string, already: number): string[] {
  const numbers = new Set<number>();
  const parts = inside.split(',');
  const width = commonWidth(parts, item);
  for (const part of parts) {
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
    assertCount(already + numbers.size, to - from + 1 - numbers.size);
    for (let number = from; number <= to; number += 1) numbers.add(number);
    assertCount(already + numbers.size);
  }
  return [...numbers].sort((a, b) => a - b).map((number) => String(number).padStart(width, '0'));
}

/** The width that all numbers of a bracket have, where one has zeros in front; 0 where none has. */
function commonWidth(parts: readonly string[], item: string): number {
  const ends = parts.flatMap((part) => part.split('-'));
  if (!ends.some((end) => /^0[0-9]/.test(end))) return 0;
  const width = Math.max(...ends.map((end) => end.length));
  if (width > maxRangeNameLength || !ends.every((end) => /^[0-9]+$/.test(end))) return 0;
  if (ends.every((end) => end.length === width)) return width;
  const padded = parts.map((part) =>
    part
      .split('-')
      .map((end) => end.padStart(width, '0'))
      .join('-'),
  );
  const better = item.replace(parts.join(','), padded.join(','));
  throw new RangeIssue(
    `the numbers of \`${clip(item)}\` have zeros in front, but not one width: write \`${clip(better)}\`, or one bracket for each width`,
  );
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
