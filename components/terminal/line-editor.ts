// The line that is being typed: pure state, one function per key. It knows neither xterm nor the socket.
import type { KeyName } from './keys.ts';

export interface Line {
  readonly text: string;
  /** Index into `text`, never inside a surrogate pair. */
  readonly cursor: number;
  /** Older lines, oldest first. */
  readonly history: readonly string[];
  /** Which history line is shown; null for the line being typed. */
  readonly at: number | null;
  /** What was typed before history was opened. */
  readonly draft: string;
  /** What Ctrl-W, Ctrl-U or Ctrl-K took last, for Ctrl-Y. */
  readonly cut: string;
}

/** History lines kept; the oldest go. */
export const maxLines = 1_000;

/** One line on the command socket may have this many characters (contract/browser). */
export const maxLineCharacters = 65_536;

export const emptyLine = (history: readonly string[] = []): Line => ({
  text: '',
  cursor: 0,
  history,
  at: null,
  draft: '',
  cut: '',
});

export function insertText(line: Line, text: string): Line {
  const room = Math.max(0, maxLineCharacters - line.text.length);
  const fits = text.slice(0, room);
  return {
    ...line,
    text: line.text.slice(0, line.cursor) + fits + line.text.slice(line.cursor),
    cursor: line.cursor + fits.length,
  };
}

/** Keys that edit; all others leave the line as it is. */
export function pressKey(line: Line, name: KeyName): Line {
  switch (name) {
    case 'backspace':
      return removeBefore(line, previousChar(line.text, line.cursor), false);
    case 'delete':
      return removeAfter(line, nextChar(line.text, line.cursor), false);
    case 'delete-word':
      return removeBefore(line, wordStart(line.text, line.cursor), true);
    case 'delete-to-start':
      return removeBefore(line, 0, true);
    case 'delete-to-end':
      return removeAfter(line, line.text.length, true);
    case 'yank':
      return insertText(line, line.cut);
    case 'left':
      return { ...line, cursor: previousChar(line.text, line.cursor) };
    case 'right':
      return { ...line, cursor: nextChar(line.text, line.cursor) };
    case 'word-left':
      return { ...line, cursor: wordStart(line.text, line.cursor) };
    case 'word-right':
      return { ...line, cursor: wordEnd(line.text, line.cursor) };
    case 'home':
      return { ...line, cursor: 0 };
    case 'end':
      return { ...line, cursor: line.text.length };
    case 'up':
      return showHistory(line, line.at === null ? line.history.length - 1 : line.at - 1);
    case 'down':
      return line.at === null ? line : showHistory(line, line.at + 1);
    default:
      return line;
  }
}

/** The line is sent: it joins history unless it is blank, the same as the last, or starts with a space. */
export function submitLine(line: Line): { readonly text: string; readonly line: Line } {
  const { text, history } = line;
  const isKept = text.trim() !== '' && !text.startsWith(' ') && history.at(-1) !== text;
  return { text, line: { ...emptyLine(isKept ? [...history, text].slice(-maxLines) : history), cut: line.cut } };
}

/** Replaces everything up to the cursor, as completion does. */
export function replaceBefore(line: Line, text: string): Line {
  return { ...line, text: text + line.text.slice(line.cursor), cursor: text.length };
}

/** The newest history line with `part` in it, older than `before`; null when no line has it. */
export function searchHistory(history: readonly string[], part: string, before: number): number | null {
  const found = history.findLastIndex((text, at) => at < before && text.includes(part));
  return found === -1 ? null : found;
}

function showHistory(line: Line, at: number): Line {
  if (at < 0) return line;
  const draft = line.at === null ? line.text : line.draft;
  if (at >= line.history.length) {
    return line.at === null ? line : { ...line, at: null, text: draft, cursor: draft.length };
  }
  const text = line.history[at] ?? '';
  return { ...line, at, draft, text, cursor: text.length };
}

function removeBefore(line: Line, start: number, keep: boolean): Line {
  const cut = line.text.slice(start, line.cursor);
  const text = line.text.slice(0, start) + line.text.slice(line.cursor);
  return { ...line, text, cursor: start, cut: keep && cut !== '' ? cut : line.cut };
}

function removeAfter(line: Line, end: number, keep: boolean): Line {
  const cut = line.text.slice(line.cursor, end);
  const text = line.text.slice(0, line.cursor) + line.text.slice(end);
  return { ...line, text, cut: keep && cut !== '' ? cut : line.cut };
}

/** Where the character before `at` starts, with the combining marks that belong to it. */
function previousChar(text: string, at: number): number {
  const chars = graphemes(text.slice(0, at));
  return at - (chars.at(-1)?.length ?? 0);
}

function nextChar(text: string, at: number): number {
  return at + (graphemes(text.slice(at))[0]?.length ?? 0);
}

/** Code points, each with the marks that follow it. */
function graphemes(text: string): string[] {
  return text.match(/\P{Mark}\p{Mark}*|\p{Mark}+/gu) ?? [];
}

function wordStart(text: string, at: number): number {
  const before = text.slice(0, at).trimEnd();
  return before.lastIndexOf(' ') + 1;
}

function wordEnd(text: string, at: number): number {
  const rest = text.slice(at);
  const found = /^\s*\S*/.exec(rest)?.[0].length ?? 0;
  return at + found;
}
