// From a line to a command of the table, by minimega's rule: every literal and choice may be abbreviated; if several
// commands fit, the one whose words were all typed in full wins, otherwise the line is ambiguous. Beyond minimega: a
// destructive command is never selected by an abbreviation, and an ambiguous line says what it could be.
import type { CompiledPattern, PatternItem } from './pattern.ts';
import { quoteWord, splitTokens, type Token } from './tokens.ts';
import type { CommandPart, ParsedCommand } from './types.ts';

export type ParseResult =
  /** `command` is null for a blank line and for a comment. */
  { readonly ok: true; readonly command: ParsedCommand | null } | { readonly ok: false; readonly message: string };

/** `mesh send all .json true .columns …`: no one nests deeper by hand, and recursion needs an end. */
const maxNesting = 32;

export function parseCommand(table: readonly CompiledPattern[], line: string): ParseResult {
  const trimmed = line.trim();
  const split = splitTokens(trimmed);
  if (!split.ok) return split;
  if (split.tokens.length === 0) return { ok: true, command: null };
  const outcome = new Parse(table, trimmed, split.tokens).from(0, 0);
  switch (outcome.kind) {
    case 'one':
      return { ok: true, command: outcome.candidate.command };
    case 'none':
      return { ok: false, message: `invalid command: \`${trimmed}\`` };
    case 'too-deep':
      return { ok: false, message: `invalid command: more than ${maxNesting} commands inside each other` };
    case 'abbreviated':
      return {
        ok: false,
        message: `invalid command: \`${trimmed}\`: \`${outcome.words}\` is destructive and must be typed in full`,
      };
    case 'several':
      return {
        ok: false,
        message: `ambiguous command: \`${trimmed}\`: could be ${outcome.texts.map((text) => `\`${text}\``).join(', ')}`,
      };
  }
}

interface Candidate {
  readonly command: ParsedCommand;
  /** All literals and choices, nested ones too, were typed in full. */
  readonly exact: boolean;
}

type Outcome =
  | { readonly kind: 'one'; readonly candidate: Candidate }
  | { readonly kind: 'none' }
  | { readonly kind: 'too-deep' }
  | { readonly kind: 'abbreviated'; readonly words: string }
  | { readonly kind: 'several'; readonly texts: readonly string[] };

class Parse {
  private readonly table: readonly CompiledPattern[];
  private readonly line: string;
  private readonly tokens: readonly Token[];
  /** Outcome per token a command may start at: without it, nested abbreviations are tried 8^depth times. */
  private readonly known = new Map<number, Outcome>();

  constructor(table: readonly CompiledPattern[], line: string, tokens: readonly Token[]) {
    this.table = table;
    this.line = line;
    this.tokens = tokens;
  }

  from(start: number, depth: number): Outcome {
    if (depth > maxNesting) return { kind: 'too-deep' };
    const known = this.known.get(start);
    if (known) return known;
    const outcome = this.choose(start, depth);
    this.known.set(start, outcome);
    return outcome;
  }

  private choose(start: number, depth: number): Outcome {
    const candidates: Candidate[] = [];
    let worse: Outcome = { kind: 'none' };
    for (const compiled of this.table) {
      const { pattern } = compiled;
      for (const match of this.match(compiled.items, start)) {
        const parts = match.parts;
        let nested: Candidate | null = null;
        if (match.nestedAt !== null) {
          const outcome = this.from(match.nestedAt, depth + 1);
          if (outcome.kind !== 'one') {
            // What is wrong inside is said only if nothing else fits outside.
            if (worse.kind === 'none') worse = outcome;
            continue;
          }
          nested = outcome.candidate;
        }
        if (pattern.destructive && !match.exact) {
          worse = { kind: 'abbreviated', words: literalText(parts) };
          continue;
        }
        const end = this.tokens.at(-1)?.end ?? 0;
        const command = commandFromParts(pattern, parts, {
          nested: nested?.command ?? null,
          line: this.line.slice(this.tokens[start]?.start ?? 0, end),
        });
        candidates.push({ command, exact: match.exact && (nested?.exact ?? true) });
      }
    }
    const exact = candidates.filter((candidate) => candidate.exact);
    const [winner] = exact.length === 1 ? exact : candidates.length === 1 ? candidates : [];
    if (winner) return { kind: 'one', candidate: winner };
    if (candidates.length === 0) return worse;
    const texts = [...new Set(candidates.map(({ command }) => commandText(command)))].sort();
    return { kind: 'several', texts };
  }

  /** All ways in which the items fit the tokens from `start` to the end. */
  private match(items: readonly PatternItem[], start: number): Match[] {
    let open: Match[] = [{ parts: [], exact: true, nestedAt: null }];
    let at = start;
    for (const item of items) {
      const token = this.tokens[at];
      switch (item.kind) {
        case 'literal':
        case 'choice': {
          const optional = item.kind === 'choice' && item.optional;
          if (!token) return optional ? open : [];
          const options = item.kind === 'literal' ? [item.text] : item.options;
          // An empty word ("") abbreviates nothing.
          const fitting = token.text === '' ? [] : options.filter((option) => option.startsWith(token.text));
          open = open.flatMap((match) =>
            fitting.map((text) => ({
              ...match,
              parts: [...match.parts, { kind: 'literal' as const, text, optional, choice: item.kind === 'choice' }],
              exact: match.exact && text === token.text,
            })),
          );
          if (open.length === 0) return [];
          at += 1;
          break;
        }
        case 'string': {
          if (!token) return item.optional ? open : [];
          const part = {
            kind: 'value' as const,
            key: item.key,
            text: token.text,
            optional: item.optional,
            list: false,
          };
          open = open.map((match) => ({ ...match, parts: [...match.parts, part] }));
          at += 1;
          break;
        }
        case 'list': {
          const rest = this.tokens.slice(at);
          if (rest.length === 0 && !item.optional) return [];
          const parts = rest.map(({ text }) => ({
            kind: 'value' as const,
            key: item.key,
            text,
            optional: item.optional,
            list: true,
          }));
          return open.map((match) => ({ ...match, parts: [...match.parts, ...parts] }));
        }
        case 'nested':
          if (!token) return [];
          return open.map((match) => ({ ...match, nestedAt: at }));
      }
    }
    return at === this.tokens.length ? open : [];
  }
}

interface Match {
  readonly parts: CommandPart[];
  readonly exact: boolean;
  /** Token at which the nested command starts. */
  readonly nestedAt: number | null;
}

/** Builds a command from its matched words; `words` and `lists` follow from them. */
export function commandFromParts(
  pattern: ParsedCommand['pattern'],
  parts: readonly CommandPart[],
  { nested, line }: Pick<ParsedCommand, 'nested' | 'line'>,
): ParsedCommand {
  // Keys come from patterns, never from input, so plain objects are safe here.
  const words: Record<string, string> = {};
  const lists: Record<string, string[]> = {};
  const emptyList = /[<[]([^\s<>[\]]+)[^<>[\]]*[>\]]\.\.\.$/.exec(pattern.pattern)?.[1];
  if (emptyList !== undefined) lists[emptyList] = [];
  for (const part of parts) {
    if (part.kind === 'literal') {
      if (part.choice) words[part.text] ??= part.text;
    } else if (part.list) {
      (lists[part.key] ??= []).push(part.text);
    } else {
      words[part.key] = part.text;
    }
  }
  return { pattern, words, lists, nested, line, parts };
}

/** The command as text: abbreviations written out, values quoted where they must be. It parses to the same command. */
export function commandText(command: ParsedCommand): string {
  const own = command.parts.map((part) => (part.kind === 'literal' ? part.text : quoteWord(part.text)));
  return [...own, ...(command.nested ? [commandText(command.nested)] : [])].join(' ');
}

function literalText(parts: readonly CommandPart[]): string {
  return parts
    .filter((part) => part.kind === 'literal')
    .map((part) => part.text)
    .join(' ');
}
