// Command lines out of the words of a shell, and what answers look like on a terminal.
import type { CommandResponse } from '../../contract/command-socket.ts';
import { safeText } from '../../core/safe-text.ts';
import { quoteWord } from '../../core/commands/tokens.ts';

/**
 * The words after `-e` as one line. A single word is already a line in the command language. Of several, each arrives as the
 * shell gave it: what the command language would read in another way (quotes, `#`, backslashes, spaces) is quoted.
 */
export function lineFromWords(words: readonly string[]): string {
  const [only] = words;
  if (words.length === 1 && only !== undefined) return only;
  return words.map(quoteWord).join(' ');
}

/** The line in a namespace; in the active one when none is named. */
export function inNamespace(line: string, namespace: string): string {
  return namespace === '' ? line : `namespace ${quoteWord(namespace)} ${line}`;
}

/** One line for each entry that failed, fit for a terminal. */
export function errorLines(response: CommandResponse): string[] {
  return (response.Resp ?? [])
    .filter((entry) => entry.Error !== '')
    .map((entry) => safeText(`Error (${entry.Host}): ${entry.Error}`));
}
