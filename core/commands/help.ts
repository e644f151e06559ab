// `help`, from the table: every command, those that start with the given words, or one in full.
import type { CompiledPattern } from './pattern.ts';

/** Text for `help WORDS…`; null when no command starts so. Words may be abbreviated. */
export function helpText(table: readonly CompiledPattern[], words: readonly string[]): string | null {
  const found = table.filter(({ items }) =>
    words.every((word, at) => {
      const item = items[at];
      if (item?.kind === 'literal') return item.text.startsWith(word);
      return item?.kind === 'choice' && item.options.some((option) => option.startsWith(word));
    }),
  );
  const [only] = found;
  if (!only) return null;
  if (found.length === 1) return describePattern(only);
  const patterns = found.map(({ pattern }) => pattern).sort((a, b) => (a.pattern < b.pattern ? -1 : 1));
  const width = Math.min(48, Math.max(...patterns.map(({ pattern }) => pattern.length)));
  return patterns.map(({ pattern, help }) => `${pattern.padEnd(width)}  ${help}`).join('\n');
}

function describePattern({ pattern }: CompiledPattern): string {
  const facts = [
    `role: ${pattern.role}${pattern.whenGiven?.role ? ` (${pattern.whenGiven.role} to set it)` : ''}`,
    pattern.reach === 'mesh'
      ? 'accepted from the command socket and from members of the mesh'
      : 'accepted from the command socket only',
    ...(pattern.scope === 'local' ? [] : ['runs on every host of the active namespace']),
    ...(pattern.destructive ? ['destructive: it must be typed in full'] : []),
  ];
  return [`Usage: ${pattern.pattern}`, '', `  ${pattern.help}`, ...facts.map((fact) => `  ${fact}`)].join('\n');
}
