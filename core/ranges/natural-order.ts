// The order in which people list names: node2 before node10.

/**
 * Compares names with digit runs as numbers; equal numbers by their text, so that the order is total. It takes nothing
 * apart: tables of 1,000 names are sorted while they are looked at.
 */
export function compareNames(a: string, b: string): number {
  let atA = 0;
  let atB = 0;
  while (atA < a.length && atB < b.length) {
    const endA = endOfRun(a, atA);
    const endB = endOfRun(b, atB);
    const areNumbers = isDigit(a, atA) && isDigit(b, atB);
    const order = areNumbers
      ? compareNumbers(a, atA, endA, b, atB, endB)
      : compareText(a.slice(atA, endA), b.slice(atB, endB));
    if (order !== 0) return order;
    atA = endA;
    atB = endB;
  }
  return a.length - atA - (b.length - atB) || compareText(a, b);
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

/** Where the run of digits, or of anything else, that begins at `at` ends. */
function endOfRun(text: string, at: number): number {
  const wanted = isDigit(text, at);
  let end = at + 1;
  while (end < text.length && isDigit(text, end) === wanted) end += 1;
  return end;
}

/** Digit runs; they may be longer than a double holds, so they stay text. */
function compareNumbers(a: string, fromA: number, endA: number, b: string, fromB: number, endB: number): number {
  let startA = fromA;
  let startB = fromB;
  while (startA < endA - 1 && a.charCodeAt(startA) === 48) startA += 1;
  while (startB < endB - 1 && b.charCodeAt(startB) === 48) startB += 1;
  return endA - startA - (endB - startB) || compareText(a.slice(startA, endA), b.slice(startB, endB));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
