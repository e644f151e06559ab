// Lines typed in this browser tab, by cluster: a reload keeps them, closing the tab forgets them.
import { maxLines } from './line-editor.ts';

/** Characters kept of them all: the browser gives a page about 5 MB. */
const maxCharacters = 200_000;

const keyOf = (cluster: string) => `meshdeck-history ${cluster}`;

export function loadHistory(cluster: string): readonly string[] {
  try {
    const stored: unknown = JSON.parse(window.sessionStorage.getItem(keyOf(cluster)) ?? '[]');
    return Array.isArray(stored) ? stored.filter((line) => typeof line === 'string').slice(-maxLines) : [];
  } catch {
    // Forbidden by the browser, or written by something else: then there is no history.
    return [];
  }
}

export function keepHistory(cluster: string, history: readonly string[]): void {
  let from = history.length;
  let characters = 0;
  while (from > 0 && characters + (history[from - 1]?.length ?? 0) <= maxCharacters) {
    from -= 1;
    characters += history[from]?.length ?? 0;
  }
  try {
    window.sessionStorage.setItem(keyOf(cluster), JSON.stringify(history.slice(from)));
  } catch {
    // Full or forbidden: the lines of this page still work.
  }
}
