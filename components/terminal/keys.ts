// Keys out of what xterm hands over: text, control keys, escape sequences and bracketed pastes.

export type KeyName =
  | 'enter'
  | 'backspace'
  | 'delete'
  | 'delete-word'
  | 'delete-to-start'
  | 'delete-to-end'
  | 'yank'
  | 'left'
  | 'right'
  | 'word-left'
  | 'word-right'
  | 'home'
  | 'end'
  | 'up'
  | 'down'
  | 'tab'
  | 'interrupt'
  | 'end-of-input'
  | 'clear-screen'
  | 'search'
  | 'escape';

export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'key'; readonly name: KeyName }
  | { readonly kind: 'paste'; readonly text: string };

const escape = '\u001b';
const pasteStart = `${escape}[200~`;
const pasteEnd = `${escape}[201~`;

const sequences: Readonly<Record<string, KeyName>> = {
  '[A': 'up',
  OA: 'up',
  '[B': 'down',
  OB: 'down',
  '[C': 'right',
  OC: 'right',
  '[D': 'left',
  OD: 'left',
  '[H': 'home',
  OH: 'home',
  '[1~': 'home',
  '[F': 'end',
  OF: 'end',
  '[4~': 'end',
  '[3~': 'delete',
  '[1;5C': 'word-right',
  '[1;3C': 'word-right',
  f: 'word-right',
  '[1;5D': 'word-left',
  '[1;3D': 'word-left',
  b: 'word-left',
  '\u007f': 'delete-word',
};

const controls: Readonly<Record<string, KeyName>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0001': 'home',
  '\u0002': 'left',
  '\u0003': 'interrupt',
  '\u0004': 'end-of-input',
  '\u0005': 'end',
  '\u0006': 'right',
  '\u000b': 'delete-to-end',
  '\u000c': 'clear-screen',
  '\u000e': 'down',
  '\u0010': 'up',
  '\u0012': 'search',
  '\u0015': 'delete-to-start',
  '\u0017': 'delete-word',
  '\u0019': 'yank',
};

/**
 * Reads one `data` event of xterm. Sequences and control characters without a meaning here are dropped. A paste that
 * xterm did not bracket but that holds a line end inside is a paste too.
 */
export function readKeys(data: string): Key[] {
  const start = data.indexOf(pasteStart);
  if (start !== -1) {
    const end = data.indexOf(pasteEnd, start);
    const inside = data.slice(start + pasteStart.length, end === -1 ? undefined : end);
    const after = end === -1 ? '' : data.slice(end + pasteEnd.length);
    return [...readKeys(data.slice(0, start)), { kind: 'paste', text: pasteText(inside) }, ...readKeys(after)];
  }
  if (!data.includes(escape) && /[\r\n][^\r\n]/.test(data)) return [{ kind: 'paste', text: pasteText(data) }];
  const keys: Key[] = [];
  let at = 0;
  while (at < data.length) {
    const char = data.charAt(at);
    if (char === escape) {
      const length = sequenceLength(data, at);
      const name = length === 1 ? 'escape' : sequences[data.slice(at + 1, at + length)];
      if (name) keys.push({ kind: 'key', name });
      at += length;
      continue;
    }
    const name = controls[char];
    if (name) keys.push({ kind: 'key', name });
    if (isControl(char)) {
      at += 1;
      continue;
    }
    let end = at + 1;
    while (end < data.length && !isControl(data.charAt(end))) end += 1;
    keys.push({ kind: 'text', text: data.slice(at, end) });
    at = end;
  }
  return keys;
}

/** Characters of the sequence that starts at `at`: ESC, ESC x, ESC O x, or ESC [ … final byte. */
function sequenceLength(data: string, at: number): number {
  const next = data.charAt(at + 1);
  if (next === '') return 1;
  if (next === 'O') return Math.min(3, data.length - at);
  if (next !== '[') return 2;
  let end = at + 2;
  while (end < data.length && !/[@-~]/.test(data.charAt(end))) end += 1;
  return Math.min(end + 1, data.length) - at;
}

function isControl(char: string): boolean {
  const code = char.charCodeAt(0);
  return code < 32 || (code >= 127 && code < 160);
}

/** Pasted text as lines: one kind of line end, tabs as spaces, no other control character. */
function pasteText(text: string): string {
  return Array.from(text.replaceAll(/\r\n?/g, '\n').replaceAll('\t', ' '))
    .filter((char) => char === '\n' || !isControl(char))
    .join('');
}
