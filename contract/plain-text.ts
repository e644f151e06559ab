// What may be in the text that people type: names and notes are shown in terminals, logs and tables, where a control character
// moves the cursor and a bidirectional override turns what is read around. They are refused where they come in.

/** C0 without tab, newline and carriage return; DEL and C1; marks that change the direction of text; line separators. */
const neverShown =
  // eslint-disable-next-line no-control-regex -- they are what is refused
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;
const breaksLine = /[\t\n\r]/;

/** Fields of calls that may have several lines: what a form was given, and lines of commands. */
const severalLines: ReadonlySet<string> = new Set(['form', 'nodes', 'line', 'text']);
/** Fields that are shown nowhere, and may hold anything. */
const secretFields: ReadonlySet<string> = new Set(['secrets', 'password', 'old']);
/** A form is flat; deeper input does not come from a page of ours. */
const maxDepth = 32;

export interface TextIssue {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Null: it may be shown. `isOneLine`: a name. */
export function findUnsafeCharacter(text: string, options: { isOneLine: boolean }): string | null {
  const [found] = neverShown.exec(text) ?? (options.isOneLine ? breaksLine.exec(text) : null) ?? [];
  if (found === undefined) return null;
  const code = `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  return `has the character ${code}, which cannot be shown: remove it`;
}

/** The first text of a call's input that cannot be shown, by its field; null when all texts can be shown. */
export function findUnsafeText(input: unknown): TextIssue | null {
  return find(input, [], true);
}

function find(value: unknown, path: (string | number)[], isOneLine: boolean): TextIssue | null {
  if (typeof value === 'string') {
    const message = findUnsafeCharacter(value, { isOneLine });
    return message === null ? null : { path, message };
  }
  if (typeof value !== 'object' || value === null) return null;
  if (path.length >= maxDepth) return { path, message: 'is nested too deeply' };
  for (const [key, inner] of Object.entries(value)) {
    if (secretFields.has(key)) continue;
    const name = findUnsafeCharacter(key, { isOneLine: true });
    if (name !== null) return { path, message: `a name in it ${name}` };
    const place = [...path, Array.isArray(value) ? Number(key) : key];
    const issue = find(inner, place, isOneLine && !severalLines.has(key));
    if (issue) return issue;
  }
  return null;
}
