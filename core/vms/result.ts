// How the parsers of core/vms answer: a value, or the text of one issue. Owns minimega's texts for numbers.
import { maxVmTextCharacters } from '../../contract/limits.ts';

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

export function good<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function bad(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}

/** Parses each text; the first issue ends it. */
export function parseAll<T>(texts: readonly string[], parse: (text: string) => Result<T>): Result<T[]> {
  const values: T[] = [];
  for (const text of texts) {
    const parsed = parse(text);
    if (!parsed.ok) return parsed;
    values.push(parsed.value);
  }
  return good(values);
}

/** A whole number of at least 0. The texts are those of Go's strconv.ParseUint, which minimega shows [facts 5.6, obs]. */
export function parseUint(text: string): Result<number> {
  return parseWhole(text, /^[0-9]+$/, 'ParseUint');
}

/** A whole number, as Go's strconv.ParseInt reads one. */
export function parseInt64(text: string): Result<number> {
  return parseWhole(text, /^[+-]?[0-9]+$/, 'ParseInt');
}

/** A whole number, with the texts of Go's strconv.Atoi: indexes and sizes on command lines [facts 5.9, obs]. */
export function parseAtoi(text: string): Result<number> {
  return parseWhole(text, /^[+-]?[0-9]+$/, 'Atoi');
}

function parseWhole(text: string, pattern: RegExp, name: string): Result<number> {
  const shown = JSON.stringify(clip(text));
  if (!pattern.test(text)) return bad(`strconv.${name}: parsing ${shown}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) return bad(`strconv.${name}: parsing ${shown}: value out of range`);
  return good(value);
}

/** Messages carry what was typed, but not a megabyte of it. */
export function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Why a program cannot have this text as an argument; null when it can. */
export function findTextIssue(text: string): string | null {
  if (text.length > maxVmTextCharacters) {
    return `a value of ${text.length} characters: \`${clip(text)}\` (at most ${maxVmTextCharacters})`;
  }
  // A NUL ends a C string, and a newline ends a line of QEMU's log and monitor.
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  return /[\u0000-\u001f\u007f]/.test(text)
    ? `a control character in \`${clip(JSON.stringify(text).slice(1, -1))}\`: leave it out`
    : null;
}
