// Patterns of file names as minimega takes them (Go's filepath.Match): `*` and `?` match within one part of a name, `[a-z]` and
// `[^a-z]` one character, and a backslash takes the next one as it is. Matching costs at most the product of both lengths.

type Piece =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | { readonly kind: 'class'; readonly isNegated: boolean; readonly ranges: readonly (readonly [string, string])[] };

export type Glob = readonly Piece[];

/** Whether a name is a pattern rather than a name. */
export const isGlob = (text: string): boolean => /[*?[\\]/.test(text);

/** Null for a pattern that is not complete, as `[a`. */
export function parseGlob(text: string): Glob | null {
  const chars = Array.from(text);
  const pieces: Piece[] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    if (char === '*') {
      if (pieces.at(-1)?.kind !== 'star') pieces.push({ kind: 'star' });
    } else if (char === '?') pieces.push({ kind: 'any' });
    else if (char === '\\') {
      at += 1;
      const next = chars[at];
      if (next === undefined) return null;
      pieces.push({ kind: 'char', char: next });
    } else if (char === '[') {
      const read = readClass(chars, at + 1);
      if (!read) return null;
      pieces.push(read.piece);
      at = read.end;
    } else pieces.push({ kind: 'char', char });
  }
  return pieces;
}

function readClass(chars: readonly string[], from: number): { piece: Piece; end: number } | null {
  const isNegated = chars[from] === '^';
  const ranges: [string, string][] = [];
  for (let at = isNegated ? from + 1 : from; at < chars.length; at += 1) {
    if (chars[at] === ']' && ranges.length > 0) return { piece: { kind: 'class', isNegated, ranges }, end: at };
    const take = () => {
      if (chars[at] === '\\') at += 1;
      return chars[at];
    };
    const low = take();
    if (low === undefined) return null;
    let high: string | undefined = low;
    if (chars[at + 1] === '-' && chars[at + 2] !== ']') {
      at += 2;
      high = take();
    }
    if (high === undefined) return null;
    ranges.push([low, high]);
  }
  return null;
}

export function matchesGlob(glob: Glob, name: string): boolean {
  const chars = Array.from(name);
  let piece = 0;
  let at = 0;
  // Where to continue when what follows the last star does not fit: one character later.
  let star = -1;
  let starAt = 0;
  while (at < chars.length) {
    const next = glob[piece];
    if (next?.kind === 'star') {
      star = piece;
      starAt = at;
      piece += 1;
    } else if (next && fits(next, chars[at] ?? '')) {
      piece += 1;
      at += 1;
    } else if (star >= 0 && chars[starAt] !== '/') {
      starAt += 1;
      at = starAt;
      piece = star + 1;
    } else return false;
  }
  while (glob[piece]?.kind === 'star') piece += 1;
  return piece === glob.length;
}

function fits(piece: Piece, char: string): boolean {
  switch (piece.kind) {
    case 'char':
      return piece.char === char;
    case 'any':
      return char !== '/';
    case 'class':
      return char !== '/' && piece.isNegated !== piece.ranges.some(([low, high]) => low <= char && char <= high);
    case 'star':
      return false;
  }
}
