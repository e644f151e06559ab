// The one place where an argv becomes text for a POSIX shell, which must read back exactly the argv we meant. frame.ts
// makes the line for a login shell, POSIX or not, from it.
import { AppError } from '../../contract/errors.ts';

/** Characters that no POSIX shell treats specially anywhere in a word. */
const plainWord = /^[A-Za-z0-9_@%+:,./-]+$/;

/**
 * The command line that a POSIX shell splits into exactly `argv`.
 * @throws AppError `invalid` for an empty argv or a NUL byte, which no program argument can hold.
 */
export function quoteArgv(argv: readonly string[]): string {
  if (argv.length === 0) throw new AppError('invalid', 'empty argv');
  return argv.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (word.includes('\0')) throw new AppError('invalid', 'a program argument cannot hold a NUL byte');
  // Inside single quotes nothing is special but the quote itself, which is therefore written outside of them.
  return plainWord.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
