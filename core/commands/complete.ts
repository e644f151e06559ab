// Completion from the table: each suggestion is the whole line with its last word replaced and a space appended, sorted,
// as minimega's socket answers `Suggest`.
import type { CompiledPattern, PatternItem } from './pattern.ts';
import { splitTokens, type Token } from './tokens.ts';
import type { ValueKind } from './types.ts';

/** Gives the values of a kind: names of nodes, of namespaces, … */
export type ValueHook = (kind: ValueKind) => readonly string[];

export function suggestLines(table: readonly CompiledPattern[], line: string, values: ValueHook): string[] {
  const split = splitTokens(line);
  // Inside a comment or an open quote there is nothing to complete.
  if (!split.ok || split.hasComment) return [];
  const tokens = split.tokens;
  const last = tokens.at(-1);
  const atWord = last?.end === line.length;
  if (atWord && last.quoted) return [];
  const typed = atWord ? last.text : '';
  const before = atWord ? line.slice(0, last.start) : line;
  const words = atWord ? tokens.slice(0, -1) : tokens;
  const found = new Set<string>();
  const add = (word: string) => {
    if (word.startsWith(typed)) found.add(`${before}${word} `);
  };
  if (typed.startsWith('$')) {
    for (const name of values('variables')) add(`$${name}`);
  }
  for (const next of nextItems(table, words)) {
    if (next.kind === 'literal') add(next.text);
    else for (const value of valuesFor(next, { typed, values })) add(value);
  }
  return [...found].sort();
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
        if (value) found.push({ kind: 'value', value });
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

/** Values for a placeholder. In a list of names, the one after the last comma is completed. */
function valuesFor(
  next: Extract<Next, { kind: 'value' }>,
  { typed, values }: { typed: string; values: ValueHook },
): readonly string[] {
  const list = values(next.value);
  if (next.value !== 'nodes' && next.value !== 'targets') return list;
  const comma = typed.lastIndexOf(',');
  if (comma < 0) return next.value === 'targets' ? [...list, 'all'] : list;
  const named = typed.slice(0, comma).split(',');
  return list.filter((name) => !named.includes(name)).map((name) => `${typed.slice(0, comma + 1)}${name}`);
}
