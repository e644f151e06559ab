// Two texts as a unified diff, for previews: configuration files of some hundred lines at most.

const contextLines = 3;
/** Above it the middle is shown as replaced whole: the table below grows with the product. */
const maxCells = 4_000_000;

type Line = { readonly mark: ' ' | '-' | '+'; readonly text: string };

/** Null stands for a file that is not there. Empty when both are the same. */
export function unifiedDiff(path: string, before: string | null, after: string | null): string {
  if (before === after) return '';
  const lines = diffLines(linesOf(before), linesOf(after));
  const out = [`--- ${before === null ? '/dev/null' : path}`, `+++ ${after === null ? '/dev/null' : path}`];
  const isShown = lines.map((_, at) =>
    lines.slice(Math.max(0, at - contextLines), at + contextLines + 1).some(({ mark }) => mark !== ' '),
  );
  let [oldAt, newAt] = [1, 1];
  for (let at = 0; at < lines.length;) {
    if (!isShown[at]) {
      [oldAt, newAt, at] = [oldAt + 1, newAt + 1, at + 1];
      continue;
    }
    let end = at;
    while (end < lines.length && isShown[end]) end += 1;
    const hunk = lines.slice(at, end);
    const [olds, news] = [
      hunk.filter(({ mark }) => mark !== '+').length,
      hunk.filter(({ mark }) => mark !== '-').length,
    ];
    // A side without lines starts at the line before, as diff(1) counts.
    out.push(`@@ -${olds === 0 ? oldAt - 1 : oldAt},${olds} +${news === 0 ? newAt - 1 : newAt},${news} @@`);
    out.push(...hunk.map(({ mark, text }) => `${mark}${text}`));
    [oldAt, newAt, at] = [oldAt + olds, newAt + news, end];
  }
  return out.join('\n');
}

function linesOf(text: string | null): string[] {
  if (text === null || text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

function diffLines(before: readonly string[], after: readonly string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let same = 0;
  while (
    same < before.length - start &&
    same < after.length - start &&
    before[before.length - 1 - same] === after[after.length - 1 - same]
  )
    same += 1;
  const [olds, news] = [before.slice(start, before.length - same), after.slice(start, after.length - same)];
  const as = (mark: Line['mark'], texts: readonly string[]) => texts.map((text): Line => ({ mark, text }));
  return [
    ...as(' ', before.slice(0, start)),
    ...(olds.length * news.length > maxCells ? [...as('-', olds), ...as('+', news)] : diffMiddle(olds, news)),
    ...as(' ', before.slice(before.length - same)),
  ];
}

/** Longest common subsequence by the usual table, walked from its start so that removals stand before additions. */
function diffMiddle(olds: readonly string[], news: readonly string[]): Line[] {
  const width = news.length + 1;
  const lengths = new Uint16Array((olds.length + 1) * width);
  const at = (row: number, column: number) => lengths[row * width + column] ?? 0;
  for (let row = olds.length - 1; row >= 0; row -= 1) {
    for (let column = news.length - 1; column >= 0; column -= 1) {
      lengths[row * width + column] =
        olds[row] === news[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const lines: Line[] = [];
  let [row, column] = [0, 0];
  while (row < olds.length || column < news.length) {
    const [old, fresh] = [olds[row], news[column]];
    if (old !== undefined && old === fresh) {
      lines.push({ mark: ' ', text: old });
      [row, column] = [row + 1, column + 1];
    } else if (old !== undefined && (fresh === undefined || at(row + 1, column) >= at(row, column + 1))) {
      lines.push({ mark: '-', text: old });
      row += 1;
    } else if (fresh !== undefined) {
      lines.push({ mark: '+', text: fresh });
      column += 1;
    }
  }
  return lines;
}
