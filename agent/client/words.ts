// Command lines out of the words of a shell, and what answers look like on a terminal.
import type { CommandResponse } from '../../contract/command-socket.ts';
import { quoteWord } from '../../core/commands/tokens.ts';

/** The words after `-e` as one line: one word is a line already; of several, those with spaces are quoted. */
export function lineFromWords(words: readonly string[]): string {
  const [only] = words;
  if (words.length === 1 && only !== undefined) return only;
  return words.map((word) => (word === '' || /\s/.test(word) ? quoteWord(word) : word)).join(' ');
}

/** The line in a namespace; in the active one when none is named. */
export function inNamespace(line: string, namespace: string): string {
  return namespace === '' ? line : `namespace "${namespace.replaceAll(/["\\]/g, '\\$&')}" ${line}`;
}

/** One line for each entry that failed. */
export function errorLines(response: CommandResponse): string[] {
  return (response.Resp ?? [])
    .filter((entry) => entry.Error !== '')
    .map((entry) => `Error (${entry.Host}): ${entry.Error}`);
}
