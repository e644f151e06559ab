// What observeBridgeScript printed, as named texts. A line is `= name words…`, or `name words… base64`, so that nothing from a
// file or a program on the node can end a line or begin one.

export interface Observed {
  /** The words behind a name, from its first line; empty without such a line. */
  one(name: string): string;
  /** The words behind a name, from each of its lines. */
  all(name: string): readonly string[];
  /** The text that a program printed; empty when it printed nothing, or does not exist. */
  text(name: string): string;
  /** Texts, each with the words between its name and the text. */
  texts(name: string): readonly { readonly words: readonly string[]; readonly text: string }[];
  /** The script ran to its end. */
  readonly isWhole: boolean;
}

/** A node with 64 NICs and 96 files prints under a thousand. */
const maxLines = 4000;

export function readObserved(output: string): Observed {
  const words = new Map<string, string[]>();
  const texts = new Map<string, { words: readonly string[]; text: string }[]>();
  const lines = output.split('\n', maxLines);
  for (const line of lines) {
    const [name = '', ...rest] = line.split(' ');
    if (name === '=') push(words, rest[0] ?? '', cleanText(rest.slice(1).join(' ').trim()));
    else if (rest.length > 0) push(texts, name, { words: rest.slice(0, -1).map(cleanText), text: decode(rest.at(-1)) });
  }
  return {
    one: (name) => words.get(name)?.[0] ?? '',
    all: (name) => words.get(name) ?? [],
    text: (name) => texts.get(name)?.[0]?.text ?? '',
    texts: (name) => texts.get(name) ?? [],
    isWhole: lines.includes('end'),
  };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}

function decode(base64: string | undefined): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64 ?? ''), (byte) => byte.charCodeAt(0)));
  } catch {
    return '';
  }
}

/** For people to read: short, and without characters that a terminal would act on. */
export function cleanText(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is taken out
  return text.slice(0, 400).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

/** Lines with something on them. */
export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
