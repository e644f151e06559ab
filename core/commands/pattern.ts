// Reads the notation of a command pattern: `mesh send <hostname or range or all> (command)` to a list of items.
import type { CommandPattern } from './types.ts';

export type PatternItem =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'choice'; readonly options: readonly string[]; readonly optional: boolean }
  /** `label` is the whole text of the placeholder, `key` its first word. */
  | { readonly kind: 'string'; readonly key: string; readonly label: string; readonly optional: boolean }
  | { readonly kind: 'list'; readonly key: string; readonly label: string; readonly optional: boolean }
  | { readonly kind: 'nested' };

export interface CompiledPattern {
  readonly pattern: CommandPattern;
  readonly items: readonly PatternItem[];
}

/** @throws Error when the notation is wrong: patterns are part of the program. */
export function compilePattern(pattern: CommandPattern): CompiledPattern {
  const items: PatternItem[] = [];
  const source = pattern.pattern;
  for (const match of source.matchAll(/\(command\)|(?:<([^<>]+)>|\[([^[\]]+)\])(\.\.\.)?|(\S+)/g)) {
    const [whole, required, optional, dots, literal] = match;
    const label = required ?? optional;
    if (whole === '(command)') items.push({ kind: 'nested' });
    else if (literal !== undefined) items.push({ kind: 'literal', text: literal });
    else if (label === undefined) throw new Error(`pattern \`${source}\`: \`${whole}\` is not understood`);
    else items.push(placeholder(label, { optional: required === undefined, list: dots !== undefined }));
  }
  items.forEach((item, at) => {
    const mustBeLast = item.kind === 'nested' || item.kind === 'list' || (item.kind !== 'literal' && item.optional);
    if (mustBeLast && at !== items.length - 1)
      throw new Error(`pattern \`${source}\`: word ${at + 1} must be the last`);
  });
  return { pattern, items };
}

function placeholder(label: string, { optional, list }: { optional: boolean; list: boolean }): PatternItem {
  const key = label.split(' ', 1)[0] ?? label;
  if (list) return { kind: 'list', key, label, optional };
  // `<a,>` is a choice of one.
  if (label.includes(',')) return { kind: 'choice', options: label.split(',').filter(Boolean), optional };
  return { kind: 'string', key, label, optional };
}
