// The order in which people list names: node2 before node10.

/** Compares names with digit runs as numbers; equal numbers by their text, so that the order is total. */
export function compareNames(a: string, b: string): number {
  const partsA = splitRuns(a);
  const partsB = splitRuns(b);
  for (let at = 0; at < Math.min(partsA.length, partsB.length); at += 1) {
    const textA = partsA[at] ?? '';
    const textB = partsB[at] ?? '';
    const order = isNumber(textA) && isNumber(textB) ? compareNumbers(textA, textB) : compareText(textA, textB);
    if (order !== 0) return order;
  }
  return partsA.length - partsB.length || compareText(a, b);
}

/** Texts and digit runs in turn; numbers may be longer than a double holds, so they stay text. */
function splitRuns(name: string): string[] {
  return name.match(/[0-9]+|[^0-9]+/g) ?? [];
}

function isNumber(text: string): boolean {
  return text.charCodeAt(0) >= 48 && text.charCodeAt(0) <= 57;
}

function compareNumbers(a: string, b: string): number {
  const digitsA = a.replace(/^0+(?=.)/, '');
  const digitsB = b.replace(/^0+(?=.)/, '');
  return digitsA.length - digitsB.length || compareText(digitsA, digitsB);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
