// Command lines as others may read them (history, audit log): without the value that `.env` gives a variable, since people keep
// passwords there. It owns no command; the table says what a line is.
import { parseCommand } from './parse.ts';
import { commandTable } from './table.ts';
import { splitTokens } from './tokens.ts';
import type { ParsedCommand } from './types.ts';

const mask = '••••••';
/** Abbreviations of `.env` too, also behind the quotes of a message or as what an alias stands for. */
const minPrefix = 2;

/** A line that is shown elsewhere than to its author. */
export function maskLine(line: string): string {
  const parsed = parseCommand(commandTable, line);
  // A node of another version, or one with an alias, may take what this table does not.
  return parsed.ok ? maskCommand(line, parsed.command) : maskText(line);
}

/** As maskLine, of a line whose command is known: after its alias was expanded, say. */
export function maskCommand(line: string, command: ParsedCommand | null): string {
  let leaf = command;
  while (leaf?.nested) leaf = leaf.nested;
  switch (leaf?.pattern.pattern) {
    case '.env <name> <value>':
      if (leaf.words['name']?.includes('=')) return maskText(line);
      return `${line.slice(0, lastWordOf(line))}${mask}`;
    case '.env [name]': {
      // What other shells take: here it is an unknown name, and a value all the same.
      const equals = line.indexOf('=', lastWordOf(line));
      return equals === -1 ? line : `${line.slice(0, equals + 1)}${mask}`;
    }
    case '.alias <alias>...':
      return maskText(line);
    default:
      return line;
  }
}

/** Text that may quote such a line, word by word: everything after the variable's name is masked. */
export function maskText(text: string): string {
  const words = [...text.matchAll(/\S+/g)];
  const at = words.findIndex(([word]) => {
    const plain = word.slice(word.lastIndexOf('=') + 1).replaceAll(/["'`\\]/g, '');
    return plain.length >= minPrefix && '.env'.startsWith(plain);
  });
  const name = at === -1 ? undefined : words[at + 1];
  if (!name) return text;
  const equals = name[0].indexOf('=');
  if (equals !== -1) return `${text.slice(0, name.index + equals + 1)}${mask}`;
  const value = words[at + 2];
  return value ? `${text.slice(0, value.index)}${mask}` : text;
}

/** Where the last word of a line begins that splits into words. */
function lastWordOf(line: string): number {
  const split = splitTokens(line);
  return (split.ok ? split.tokens.at(-1)?.start : undefined) ?? 0;
}
