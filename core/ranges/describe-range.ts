// Node ranges, writing: names to the shortest text that parseRange reads back as the same names. minimega's compressor
// loses leading zeros and every number that is the beginning of another (node1…node10 prints as node[2-10]); this one
// must not, because people copy what it prints into the next command.
import { compareNames } from './natural-order.ts';
import { maxRangeNumber } from './parse-range.ts';

/** Of a name with more numbers, only the last ones are tried as the one that counts: 10,000 long names stay affordable. */
const maxRunsTried = 4;

interface Group {
  readonly prefix: string;
  readonly suffix: string;
  /** Where in the name the number stands, counted in digit runs: ties prefer the last one, which people count up. */
  readonly run: number;
  /** Number text by name. */
  readonly members: Map<string, string>;
}

/**
 * Compresses names: node1…node10 is `node[1-10]`, node08 node09 node10 is `node[08-10]`; natural order, each name once.
 * Names hold no brackets, commas or spaces; names with these are written as they are and do not read back.
 */
export function describeRange(names: Iterable<string>): string {
  const left = new Set(names);
  const items: { first: string; text: string }[] = [];
  for (const group of groupsBySize(left)) {
    const members = [...group.members].filter(([name]) => left.has(name));
    if (members.length < 2) continue;
    for (const [name] of members) left.delete(name);
    members.sort(([, a], [, b]) => Number(a) - Number(b));
    const numbers = describeNumbers(members.map(([, number]) => number));
    items.push({ first: members[0]?.[0] ?? '', text: `${group.prefix}[${numbers}]${group.suffix}` });
  }
  for (const name of left) items.push({ first: name, text: name });
  return items
    .sort((a, b) => compareNames(a.first, b.first))
    .map(({ text }) => text)
    .join(',');
}

/** Every way to see a name as prefix + number + suffix, the largest groups first. */
function groupsBySize(names: Iterable<string>): Group[] {
  const groups = new Map<string, Group>();
  for (const name of names) {
    if (/[[\],\s]/.test(name)) continue;
    const runs = [...name.matchAll(/[0-9]+/g)];
    for (const [run, match] of runs.entries()) {
      if (run < runs.length - maxRunsTried) continue;
      const number = match[0];
      if (Number(number) > maxRangeNumber) continue;
      const prefix = name.slice(0, match.index);
      const suffix = name.slice(match.index + number.length);
      const key = `${prefix}[${suffix}`;
      const group = groups.get(key) ?? { prefix, suffix, run, members: new Map<string, string>() };
      group.members.set(name, number);
      groups.set(key, group);
    }
  }
  return [...groups.values()]
    .flatMap(splitByWidth)
    .filter((group) => group.members.size > 1)
    .sort((a, b) => b.members.size - a.members.size || b.run - a.run || compareNames(a.prefix, b.prefix));
}

/**
 * Numbers share a bracket when reading it restores each one's zeros: either all have one width, or none has a leading
 * zero. So each width in which some number has a leading zero becomes a separate group.
 */
function splitByWidth(group: Group): Group[] {
  const paddedWidths = new Set(
    [...group.members.values()].filter((number) => /^0./.test(number)).map((number) => number.length),
  );
  const byWidth = new Map<number, Group>();
  for (const [name, number] of group.members) {
    const width = paddedWidths.has(number.length) ? number.length : 0;
    const part = byWidth.get(width) ?? { ...group, members: new Map<string, string>() };
    part.members.set(name, number);
    byWidth.set(width, part);
  }
  return [...byWidth.values()];
}

/** Number texts in ascending order to `1-3,7`. */
function describeNumbers(numbers: readonly string[]): string {
  const parts: string[] = [];
  let at = 0;
  while (at < numbers.length) {
    const first = numbers[at] ?? '';
    let end = at;
    while (Number(numbers[end + 1]) === Number(numbers[end]) + 1) end += 1;
    const last = numbers[end] ?? first;
    parts.push(end === at ? first : `${first}-${last}`);
    at = end + 1;
  }
  return parts.join(',');
}
