// From a line to a command of the table, by minimega's rule: every literal and choice may be abbreviated; if several
// commands fit, the one whose words were all typed in full wins, otherwise the line is ambiguous. Beyond minimega: a
// destructive command is never selected by an abbreviation, and an ambiguous line says what it could be.
import type { CompiledPattern, PatternItem } from './pattern.ts';
import { clipLine, quoteWord, splitTokens, type Token } from './tokens.ts';
import type { CommandPart, ParsedCommand, Reach } from './types.ts';

export type ParseResult =
  /** `command` is null for a blank line and for a comment. */
  | { readonly ok: true; readonly command: ParsedCommand | null }
  /** `isTooLong`: beyond a bound, so no alias and no other table could make a command of it. */
  | { readonly ok: false; readonly message: string; readonly isTooLong: boolean };

export interface ParseOptions {
  /** How the line came; `socket` unless given. The limit for lines from the mesh is lower. */
  readonly via?: Reach;
  /** Called for each item matched and each word written: tests count that the work is linear. */
  readonly onVisit?: () => void;
  /** What to say of words that begin no command of the table, though one of minimega; null for others. */
  readonly describeMissing?: (words: readonly string[]) => string | null;
}

/** `mesh send all .json true .columns …`: no one nests deeper by hand, and what runs them recurses. */
const maxNesting = 32;
/** How many commands an ambiguous line's error lists. */
const maxCandidatesSaid = 20;

/**
 * Work grows with words × patterns: each word is tried as the start of a command once, and words are copied only into the
 * command that is chosen.
 */
export function parseCommand(table: readonly CompiledPattern[], line: string, options: ParseOptions = {}): ParseResult {
  const split = splitTokens(line, options.via);
  if (!split.ok) return split;
  if (split.tokens.length === 0) return { ok: true, command: null };
  const parse = new Parse({ line, table, onVisit: options.onVisit ?? (() => undefined) }, split.tokens);
  const outcome = parse.from(0);
  const isExact = outcome.kind === 'one' && outcome.candidate.exact;
  // Words of another language in full are not taken for an abbreviation of ours.
  const missing = isExact || !options.describeMissing ? null : parse.missing(options.describeMissing);
  if (outcome.kind === 'one' && missing === null) return { ok: true, command: parse.build(outcome.candidate) };
  const message = missing ?? failure(outcome, { line: clipLine(line.trim()), parse });
  return { ok: false, isTooLong: false, message };
}

function failure(outcome: Outcome, { line, parse }: { line: string; parse: Parse }): string {
  switch (outcome.kind) {
    case 'one':
    case 'none':
      return `invalid command: \`${line}\``;
    case 'too-deep':
      return `invalid command: more than ${maxNesting} commands inside each other`;
    case 'abbreviated':
      return `invalid command: \`${line}\`: \`${outcome.words}\` is destructive and must be typed in full`;
    case 'several': {
      const texts = [...new Set(outcome.candidates.map((candidate) => parse.describe(candidate)))].sort();
      const said = texts.slice(0, maxCandidatesSaid).map((text) => `\`${text}\``);
      const more = texts.length > said.length ? ` and ${texts.length - said.length} more` : '';
      return `ambiguous command: \`${line}\`: could be ${said.join(', ')}${more}`;
    }
  }
}

/** A pattern that fits, without its words: those are copied once it is chosen. */
interface Candidate {
  readonly compiled: CompiledPattern;
  /** Token it starts at. */
  readonly start: number;
  /** Its literals and choices in order, written out. */
  readonly literals: readonly string[];
  /** All literals and choices, nested ones too, were typed in full. */
  readonly exact: boolean;
  readonly nested: Candidate | null;
  /** Commands inside each other, this one included. */
  readonly height: number;
}

type Outcome =
  | { readonly kind: 'one'; readonly candidate: Candidate }
  | { readonly kind: 'none' }
  | { readonly kind: 'too-deep' }
  | { readonly kind: 'abbreviated'; readonly words: string }
  | { readonly kind: 'several'; readonly candidates: readonly Candidate[] };

class Parse {
  private readonly input: { line: string; table: readonly CompiledPattern[]; onVisit: () => void };
  private readonly tokens: readonly Token[];
  /** Outcome per token a command may start at: without it, nested abbreviations are tried 8^depth times. */
  private readonly known = new Map<number, Outcome>();

  constructor(
    input: { line: string; table: readonly CompiledPattern[]; onVisit: () => void },
    tokens: readonly Token[],
  ) {
    this.input = input;
    this.tokens = tokens;
  }

  /** It recurses at most once per word (maxLineWords). */
  from(start: number): Outcome {
    const known = this.known.get(start);
    if (known) return known;
    const outcome = this.choose(start);
    this.known.set(start, outcome);
    return outcome;
  }

  /** The command with its words. */
  build(candidate: Candidate): ParsedCommand {
    const { pattern } = candidate.compiled;
    const parts = [...this.parts(candidate)];
    const end = this.tokens.at(-1)?.end ?? 0;
    return commandFromParts(pattern, parts, {
      nested: candidate.nested && this.build(candidate.nested),
      line: this.input.line.slice(this.tokens[candidate.start]?.start ?? 0, end),
    });
  }

  /** The beginning of its text, for a message. */
  describe(candidate: Candidate): string {
    let text = '';
    for (let at: Candidate | null = candidate; at; at = at.nested) {
      for (const part of this.parts(at)) {
        if (text.length > 200) return clipLine(text);
        text += `${text === '' ? '' : ' '}${part.kind === 'literal' ? part.text : quoteWord(clipLine(part.text))}`;
      }
    }
    return clipLine(text);
  }

  /** What `describe` says of the innermost place where a command may begin. */
  missing(describe: (words: readonly string[]) => string | null): string | null {
    for (const start of [...this.known.keys()].sort((a, b) => b - a)) {
      const text = describe(this.tokens.slice(start).map((token) => token.text));
      if (text !== null) return text;
    }
    return null;
  }

  private choose(start: number): Outcome {
    const candidates: Candidate[] = [];
    let worse: Outcome = { kind: 'none' };
    for (const compiled of this.input.table) {
      for (const match of this.match(compiled.items, start)) {
        let nested: Candidate | null = null;
        if (match.nestedAt !== null) {
          const outcome = this.from(match.nestedAt);
          const inner: Outcome =
            outcome.kind === 'one' && outcome.candidate.height >= maxNesting ? { kind: 'too-deep' } : outcome;
          if (inner.kind !== 'one') {
            // An error inside is reported only if nothing else fits outside.
            if (worse.kind === 'none') worse = inner;
            continue;
          }
          nested = inner.candidate;
        }
        if (compiled.pattern.destructive && !match.exact) {
          worse = { kind: 'abbreviated', words: match.literals.join(' ') };
          continue;
        }
        candidates.push({
          compiled,
          start,
          literals: match.literals,
          exact: match.exact && (nested?.exact ?? true),
          nested,
          height: 1 + (nested?.height ?? 0),
        });
      }
    }
    const exact = candidates.filter((candidate) => candidate.exact);
    const [winner] = exact.length === 1 ? exact : candidates.length === 1 ? candidates : [];
    if (winner) return { kind: 'one', candidate: winner };
    return candidates.length === 0 ? worse : { kind: 'several', candidates };
  }

  /** All ways in which the items fit the tokens from `start` to the end. */
  private match(items: readonly PatternItem[], start: number): readonly Match[] {
    let open: readonly Match[] = [noWords];
    let at = start;
    for (const item of items) {
      this.input.onVisit();
      const token = this.tokens[at];
      switch (item.kind) {
        case 'literal':
        case 'choice': {
          if (!token) return item.kind === 'choice' && item.optional ? open : [];
          // An empty word ("") abbreviates nothing.
          if (token.text === '') return none;
          if (item.kind === 'literal') {
            if (!item.text.startsWith(token.text)) return none;
            open = open.map((match) => withLiteral(match, item.text, token.text));
            at += 1;
            break;
          }
          const fitting = item.options.filter((option) => option.startsWith(token.text));
          open = open.flatMap((match) => fitting.map((text) => withLiteral(match, text, token.text)));
          if (open.length === 0) return [];
          at += 1;
          break;
        }
        case 'string':
          if (!token) return item.optional ? open : [];
          at += 1;
          break;
        case 'list':
          return token || item.optional ? open : [];
        case 'nested':
          return token ? open.map((match) => ({ ...match, nestedAt: at })) : [];
      }
    }
    return at === this.tokens.length ? open : [];
  }

  /** The words of a candidate, without what is nested in it. */
  private *parts({ compiled, start, literals }: Candidate): Generator<CommandPart, void, undefined> {
    let at = start;
    let literal = 0;
    for (const item of compiled.items) {
      const token = this.tokens[at];
      if (!token || item.kind === 'nested') return;
      if (item.kind === 'list') {
        for (; at < this.tokens.length; at += 1) {
          this.input.onVisit();
          yield valuePart(item, this.tokens[at]?.text ?? '');
        }
        return;
      }
      this.input.onVisit();
      at += 1;
      if (item.kind === 'string') yield valuePart(item, token.text);
      else {
        const isChoice = item.kind === 'choice';
        const text = literals[literal] ?? '';
        literal += 1;
        yield { kind: 'literal', text, optional: isChoice && item.optional, choice: isChoice };
      }
    }
  }
}

function valuePart(item: Extract<PatternItem, { kind: 'string' | 'list' }>, text: string): CommandPart {
  return { kind: 'value', key: item.key, text, optional: item.optional, list: item.kind === 'list' };
}

const none: readonly Match[] = [];
const noWords: Match = { literals: [], exact: true, nestedAt: null };

function withLiteral(match: Match, text: string, typed: string): Match {
  return { ...match, literals: [...match.literals, text], exact: match.exact && text === typed };
}

interface Match {
  readonly literals: readonly string[];
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
  const words: string[] = [];
  for (let at: ParsedCommand | null = command; at; at = at.nested) words.push(partsText(at.parts));
  return words.join(' ');
}

/** The words of one command, without what is nested in it. */
export function partsText(parts: readonly CommandPart[]): string {
  return parts.map((part) => (part.kind === 'literal' ? part.text : quoteWord(part.text))).join(' ');
}
