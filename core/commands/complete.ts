// Completion from the table: each suggestion is the whole line with its last word replaced and a space appended, sorted,
// as minimega's socket answers `Suggest`.
import { AppError } from '../../contract/errors.ts';
import { maxSuggestBytes } from '../../contract/limits.ts';
import type { CompiledPattern, PatternItem } from './pattern.ts';
import { splitTokens, type Token } from './tokens.ts';
import type { ValueKind } from './types.ts';

/** Gives the values of a kind: names of nodes, of namespaces, … */
export type ValueHook = (kind: ValueKind) => readonly string[];

/** @throws AppError `invalid` for a line that is too long */
export function suggestLines(table: readonly CompiledPattern[], line: string, values: ValueHook): string[] {
  const place = placeOf(line);
  if (!place) return [];
  const { typed, words } = place;
  // What each completion adds to the line: lines of 64 kB are neither compared nor sorted.
  const found = new Set<string>();
  const add = (word: string, part = typed) => {
    if (word.startsWith(part)) found.add(word.slice(part.length));
  };
  if (typed.startsWith('$')) {
    for (const name of values('variables')) add(`$${name}`);
  }
  for (const next of nextItems(table, words)) {
    if (next.kind === 'literal') add(next.text);
    else {
      const { names, part } = valuesFor(next.value, { typed, values });
      for (const name of names) add(name, part);
    }
  }
  const most = Math.floor(maxSuggestBytes / (line.length + 64));
  return [...found]
    .sort()
    .slice(0, most)
    .map((rest) => `${line}${rest} `);
}

/** Kinds of values that completions of this line may name. @throws AppError `invalid` for a line that is too long */
export function valuesAsked(table: readonly CompiledPattern[], line: string): ReadonlySet<ValueKind> {
  const place = placeOf(line);
  if (!place) return new Set();
  const kinds = nextItems(table, place.words).flatMap((next) => (next.kind === 'value' ? [next.value] : []));
  return new Set(place.typed.startsWith('$') ? [...kinds, 'variables' as const] : kinds);
}

/** Where the line ends: the word being typed, and the words before it. Null: nothing to complete. */
function placeOf(line: string): { typed: string; words: readonly Token[] } | null {
  const split = splitTokens(line);
  if (!split.ok && split.isTooLong) throw new AppError('invalid', split.message);
  // Inside a comment or an open quote there is nothing to complete.
  if (!split.ok || split.hasComment) return null;
  const { tokens } = split;
  const last = tokens.at(-1);
  if (last?.end !== line.length) return { typed: '', words: tokens };
  if (last.quoted) return null;
  return { typed: last.text, words: tokens.slice(0, -1) };
}

type Next = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'value'; readonly value: ValueKind };

/** What may stand after the given words. */
function nextItems(table: readonly CompiledPattern[], words: readonly Token[]): Next[] {
  // Nested commands shorten `words` from the left; each start is looked at once, however many patterns lead to it.
  const starts = new Set([0]);
  const found: Next[] = [];
  for (const start of starts) {
    for (const { pattern, items } of table) {
      const reached = follow(items, words, { start, destructive: pattern.destructive ?? false });
      if (reached === null) continue;
      const { item, at } = reached;
      if (item.kind === 'nested') {
        if (at <= words.length) starts.add(at);
      } else if (item.kind === 'literal') found.push({ kind: 'literal', text: item.text });
      else if (item.kind === 'choice') found.push(...item.options.map((text) => ({ kind: 'literal' as const, text })));
      else {
        const value = pattern.values?.[item.key];
        // The first word of a command is completed, and not the words that follow in its help.
        if (value && !(value === 'commands' && at < words.length)) found.push({ kind: 'value', value });
      }
    }
  }
  return found;
}

/** The item that would take the next word, if the words before fit the pattern; a nested command as soon as it begins. */
function follow(
  items: readonly PatternItem[],
  words: readonly Token[],
  { start, destructive }: { start: number; destructive: boolean },
): { item: PatternItem; at: number } | null {
  let at = start;
  for (const item of items) {
    if (item.kind === 'nested') return { item, at };
    const word = words[at];
    if (!word || item.kind === 'list') return { item, at };
    if (item.kind !== 'string') {
      const options = item.kind === 'literal' ? [item.text] : item.options;
      const fits = (option: string) => (destructive ? option === word.text : option.startsWith(word.text));
      if (word.text === '' || !options.some(fits)) return null;
    }
    at += 1;
  }
  return null;
}

/** Values for a placeholder, and the part that is typed of one. In a list of names, the one after the last comma is completed. */
function valuesFor(
  kind: ValueKind,
  { typed, values }: { typed: string; values: ValueHook },
): { names: readonly string[]; part: string } {
  const list = values(kind);
  const takesAll = kind === 'targets' || kind === 'vm-targets';
  if (kind !== 'nodes' && !takesAll) return { names: list, part: typed };
  const comma = typed.lastIndexOf(',');
  if (comma < 0) return { names: takesAll ? [...list, 'all'] : list, part: typed };
  const named = new Set(typed.slice(0, comma).split(','));
  return { names: list.filter((name) => !named.has(name)), part: typed.slice(comma + 1) };
}
