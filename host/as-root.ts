// Running programs as root where one has logged in: directly, or through sudo with or without a password. The password
// travels on sudo's standard input, in front of the program's own, and stands in no argv.
import { Readable } from 'node:stream';
import { AppError } from '../contract/errors.ts';
import { CommandError } from './runner.ts';
import type { RunOptions, RunResult, Runner } from './runner.ts';

export interface RootLogin {
  readonly user: string;
  readonly sudo: boolean;
  /** Only where sudo asks for one, which `proveSudo` finds out: sudo reads a line that it did not ask for no more. */
  readonly sudoPassword?: string | undefined;
}

/** What to do where a script could not write. A builtin of dash says no more than "I/O error" of a full disk. */
const writeHints: readonly (readonly [RegExp, string])[] = [
  [
    /No space left on device|Disk quota exceeded|\b(printf|echo): I\/O error/i,
    'a disk there is full, or fails: look with df -h and dmesg, free some space, then retry',
  ],
  [/Read-only file system/i, 'find out why it is read-only (findmnt, dmesg) and mount it for writing, then retry'],
];

/**
 * Runs argv, through sudo where asked. @throws AppError `refused` when sudo would ask for a password that we have not,
 * `failed` with what the program said
 */
export async function runAsRoot(
  runner: Runner,
  login: RootLogin,
  argv: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  try {
    if (!login.sudo) return await runner.run(argv, options);
    if (login.sudoPassword === undefined) return await runner.run(['sudo', '-n', '--', ...argv], options);
    // -k: sudo asks although it may remember us, so that the first line is always the password and never the program's.
    return await runner.run(['sudo', '-S', '-k', '-p', '', '--', ...argv], {
      ...options,
      stdin: withFirstLine(login.sudoPassword, options.stdin),
    });
  } catch (error) {
    if (error instanceof CommandError) {
      // The script's text is no help to anyone; what it said is.
      const said = (error.stderr.trim() || error.stdout.trim()).split('\n').slice(-5).join('\n');
      if (login.sudo && isSudoRefusal(said)) {
        throw new AppError(
          'refused',
          `${login.user} cannot use sudo on ${runner.where} without a password (${said}): add to /etc/sudoers.d/meshd there: ` +
            `${login.user} ALL=(ALL) NOPASSWD: ALL`,
          { cause: error },
        );
      }
      const hint = writeHints.find(([pattern]) => pattern.test(said))?.[1];
      const text = said || `exit ${error.exitCode ?? 'by signal'}`;
      throw new AppError('failed', `${runner.where}: ${text}${hint === undefined ? '' : `; ${hint}`}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * How a user becomes root: `none` without a password, `password` with this one.
 * @throws AppError `refused` when neither works, with what sudo said
 */
export async function proveSudo(
  runner: Runner,
  user: string,
  password: string | undefined,
  options: RunOptions = {},
): Promise<'none' | 'password'> {
  try {
    await runner.run(['sudo', '-n', '--', 'true'], options);
    return 'none';
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const said = error.stderr.trim();
    if (!/password is required|a terminal is required/.test(said)) throw refusal(runner, user, said, error);
    if (password === undefined) throw refusal(runner, user, said, error);
  }
  try {
    await runner.run(['sudo', '-S', '-k', '-p', '', '--', 'true'], { ...options, stdin: `${password}\n` });
    return 'password';
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw refusal(runner, user, error.stderr.trim(), error);
  }
}

function refusal(runner: Runner, user: string, said: string, cause: unknown): AppError {
  const tail = said.split('\n').slice(-2).join(' ').slice(0, 300);
  return new AppError(
    'refused',
    `${user} does not become root on ${runner.where} by sudo (${tail || 'it said nothing'}): give ${user} the right there ` +
      `(usermod -aG sudo ${user}), check the password, or log in as root`,
    { cause },
  );
}

function isSudoRefusal(said: string): boolean {
  return /^sudo: (a password is required|.*not found|.*command not found)|may not run sudo|not in the sudoers/m.test(
    said,
  );
}

function withFirstLine(line: string, rest: RunOptions['stdin']): Buffer | Readable {
  const first = Buffer.from(`${line}\n`);
  if (rest === undefined) return first;
  if (typeof rest === 'string' || Buffer.isBuffer(rest)) return Buffer.concat([first, Buffer.from(rest)]);
  const source: Readable = rest;
  return Readable.from(
    (async function* join() {
      yield first;
      for await (const chunk of source) yield chunk as Buffer;
    })(),
    { objectMode: false },
  );
}
