// What Tab does with the suggestions of a node. Each is the whole line up to the cursor with its last word completed and a
// space behind it, as the command socket answers `Suggest`.

export type Completion =
  | { readonly do: 'nothing' }
  /** The text before the cursor becomes this. */
  | { readonly do: 'replace'; readonly text: string }
  /** More than one fits and nothing more is common: show the words. */
  | { readonly do: 'list'; readonly words: readonly string[] };

/** Words shown at most; a cluster of 1,000 nodes would fill the screen. */
const maxWords = 200;

export function completeWith(typed: string, found: readonly string[]): Completion {
  const fitting = found.filter((line) => line.startsWith(typed) || line.trimStart().startsWith(typed.trimStart()));
  const [first] = fitting;
  if (first === undefined) return { do: 'nothing' };
  if (fitting.length === 1) return first === typed ? { do: 'nothing' } : { do: 'replace', text: first };
  const common = fitting.reduce(commonStart);
  if (common.length > typed.length) return { do: 'replace', text: common };
  const start = typed.lastIndexOf(' ') + 1;
  const words = fitting.map((line) => line.slice(start).trimEnd());
  const shown = words.slice(0, maxWords);
  return { do: 'list', words: words.length > maxWords ? [...shown, `… ${words.length - maxWords} more`] : shown };
}

function commonStart(a: string, b: string): string {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return a.slice(0, at);
}
