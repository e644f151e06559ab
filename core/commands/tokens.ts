// Words of a command line, as minimega's minicli splits them: quotes group, adjacent pieces join, a backslash escapes
// one of `r n t \ " ' #`, and an unquoted `#` starts a comment anywhere. It bounds the line too, so that each way in (socket,
// mesh, console, scripts, completion) refuses the same lines with the same words.
import { maxLineBytes, maxLineWords, maxMeshLineBytes } from '../../contract/limits.ts';
import type { Reach } from './types.ts';

export interface Token {
  readonly text: string;
  /** Where it stands in the line, end exclusive. */
  readonly start: number;
  readonly end: number;
  /** Written with quotes or escapes, so its source is not its text. */
  readonly quoted: boolean;
}

export type TokensResult =
  | { readonly ok: true; readonly tokens: Token[]; readonly hasComment: boolean }
  /** `isTooLong`: beyond a bound, whatever it says. */
  | { readonly ok: false; readonly message: string; readonly isTooLong: boolean };

const escapes: Readonly<Record<string, string>> = {
  r: '\r',
  n: '\n',
  t: '\t',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '#': '#',
};

const tooManyWords: TokensResult = {
  ok: false,
  message: `the line has more than ${maxLineWords} words: split it into several lines`,
  isTooLong: true,
};

/** Why a line is too long for the way it came, or null. */
export function lineTooLong(line: string, via: Reach): string | null {
  const max = via === 'mesh' ? maxMeshLineBytes : maxLineBytes;
  // A code unit is at most three bytes of UTF-8, so most lines need no counting.
  const isShort = line.length * 3 <= max;
  if (isShort || (line.length <= max && new TextEncoder().encode(line).length <= max)) return null;
  return describeTooLong(via);
}

export function describeTooLong(via: Reach): string {
  const most = via === 'mesh' ? `${maxMeshLineBytes} bytes, the most that another node takes` : `${maxLineBytes} bytes`;
  return `the line has more than ${most}: split it into several lines`;
}

/** Messages quote what was typed, but not 64 kB of it. */
export function clipLine(line: string): string {
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}

export function splitTokens(line: string, via: Reach = 'socket'): TokensResult {
  const tooLong = lineTooLong(line, via);
  if (tooLong !== null) return { ok: false, message: tooLong, isTooLong: true };
  const tokens: Token[] = [];
  let start = -1;
  let text = '';
  let quoted = false;
  let quote = '';
  let at = 0;
  let hasComment = false;
  const finish = () => {
    if (start >= 0) tokens.push({ text, start, end: at, quoted });
    start = -1;
    text = '';
    quoted = false;
  };
  for (; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === '' && /\s/.test(char)) {
      finish();
      if (tokens.length > maxLineWords) return tooManyWords;
      continue;
    }
    if (quote === '' && char === '#') {
      hasComment = true;
      break;
    }
    if (start < 0) start = at;
    if (char === '\\') {
      at += 1;
      const escaped = escapes[line.charAt(at)];
      if (at >= line.length) return { ok: false, message: 'missing character after \\', isTooLong: false };
      if (escaped === undefined) {
        return {
          ok: false,
          message: `unexpected escaped character: ${String.fromCodePoint(line.codePointAt(at) ?? 0)}`,
          isTooLong: false,
        };
      }
      text += escaped;
      quoted = true;
    } else if (quote === '' ? char === '"' || char === "'" : char === quote) {
      quote = quote === '' ? char : '';
      quoted = true;
    } else {
      text += char;
    }
  }
  if (quote !== '') return { ok: false, message: `missing terminal ${quote}`, isTooLong: false };
  finish();
  if (tokens.length > maxLineWords) return tooManyWords;
  return { ok: true, tokens, hasComment };
}

/** Writes a word so that splitTokens reads it back as one: quoted only where it must be. */
export function quoteWord(word: string): string {
  if (word !== '' && !/[\s"'\\#]/.test(word)) return word;
  const body = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `"${body}"`;
}
