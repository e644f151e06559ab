// Words of a command line, as minimega's minicli splits them: quotes group, adjacent pieces join, a backslash escapes
// one of `r n t \ " ' #`, and an unquoted `#` starts a comment anywhere.

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
  | { readonly ok: false; readonly message: string };

const escapes: Readonly<Record<string, string>> = {
  r: '\r',
  n: '\n',
  t: '\t',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '#': '#',
};

export function splitTokens(line: string): TokensResult {
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
      if (at >= line.length) return { ok: false, message: 'missing character after \\' };
      if (escaped === undefined) {
        return {
          ok: false,
          message: `unexpected escaped character: ${String.fromCodePoint(line.codePointAt(at) ?? 0)}`,
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
  if (quote !== '') return { ok: false, message: `missing terminal ${quote}` };
  finish();
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
