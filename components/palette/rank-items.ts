// What the command palette finds for what was typed: nodes, VLANs, VMs, pages and actions, best first.

export interface PaletteItem {
  readonly id: string;
  readonly kind: 'node' | 'vlan' | 'vm' | 'page' | 'action';
  readonly label: string;
  /** What is searched in place of the label. */
  readonly searched?: string;
  /** More that is searched and shown small: an address, a state, another word for it. */
  readonly hint: string;
}

/** Items shown at most: nobody scrolls a palette, and a cluster has 1,000 nodes and 10,000 VMs. */
export const maxItems = 50;

/** Best first; of equal ones the order given. Empty text: actions and pages alone. */
export function rankItems<Item extends PaletteItem>(items: readonly Item[], typed: string): Item[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return items.filter(({ kind }) => kind === 'action' || kind === 'page').slice(0, maxItems);
  return items
    .map((item, at) => ({ item, at, score: scoreOf(item, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .slice(0, maxItems)
    .map(({ item }) => item);
}

/** Zero: some word is nowhere in it. */
function scoreOf(item: PaletteItem, words: readonly string[]): number {
  let score = 0;
  for (const word of words) {
    const best = Math.max(
      wordScore((item.searched ?? item.label).toLowerCase(), word),
      wordScore(item.hint.toLowerCase(), word) / 4,
    );
    if (best === 0) return 0;
    score += best;
  }
  return score;
}

function wordScore(text: string, word: string): number {
  if (text === word) return 100;
  if (text.startsWith(`${word} `)) return 80;
  if (text.startsWith(word)) return 60;
  const at = text.indexOf(word);
  if (at > 0) return /[\s\-_./]/.test(text.charAt(at - 1)) ? 40 : 20;
  return isSubsequence(text, word) ? 5 : 0;
}

/** `dpl` finds `deploy`; two letters in order say too little. */
function isSubsequence(text: string, word: string): boolean {
  if (word.length < 3) return false;
  let at = -1;
  for (const char of word) {
    at = text.indexOf(char, at + 1);
    if (at === -1) return false;
  }
  return true;
}
