// The one place where an argv becomes text for a POSIX shell, which must read back exactly the argv we meant. What sshd gives to
// a login shell, POSIX or not, is made of it in frame.ts.
import { AppError } from '../../contract/errors.ts';

/** What no POSIX shell treats specially, wherever it stands in a word. */
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
