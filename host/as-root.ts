// Runs programs as root over a login: directly, or through sudo with or without a password. The password answers only sudo's
// own question for it, in front of the program's input, and is in no argv. The program's begin marker (ssh/frame.ts) shows
// whether sudo let us through, not what sudo says.
import { AppError } from '../contract/errors.ts';
import { CommandError, NotStarted } from './runner.ts';
import type { RunOptions, RunResult } from './runner.ts';
import type { SshRunOptions } from './ssh/connection.ts';
import type { Through } from './ssh/frame.ts';

export interface RootLogin {
  readonly user: string;
  readonly sudo: boolean;
  /** Only where sudo asks for one; `proveSudo` finds that out. */
  readonly sudoPassword?: string | undefined;
}

/** Where programs run over SSH. */
export interface SshRunner {
  readonly where: string;
  run(argv: readonly string[], options?: SshRunOptions): Promise<RunResult>;
}

/** Fails at once where sudo would ask. */
export const sudoUnasked: Through = { argv: () => ['sudo', '-n', '--'] };

/** -k: sudo asks even if it remembers us, so that it always reads the password first. */
function sudoWith(password: string): Through {
  return { argv: (prompt) => ['sudo', '-S', '-k', '-p', prompt, '--'], answer: password };
}

/**
 * What to do where a script could not write. A script's exit code does not say why, so its words do: under LC_ALL=C they are
 * glibc's for ENOSPC, EDQUOT and EROFS. On a full disk a builtin of dash says only "I/O error".
 */
const writeHints: readonly (readonly [RegExp, string])[] = [
  [
    /No space left on device|Disk quota exceeded|\b(printf|echo): I\/O error/i,
    'a disk there is full, or fails: look with df -h and dmesg, free some space, then retry',
  ],
  [/Read-only file system/i, 'find out why it is read-only (findmnt, dmesg) and mount it for writing, then retry'],
];

/**
 * Runs argv, through sudo where asked. @throws AppError `refused` when sudo does not let us through, `failed` with what the
 * program said
 */
export async function runAsRoot(
  runner: SshRunner,
  login: RootLogin,
  argv: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const { sudo, sudoPassword } = login;
  const through = !sudo ? undefined : sudoPassword === undefined ? sudoUnasked : sudoWith(sudoPassword);
  try {
    return await runner.run(argv, { ...options, through });
  } catch (error) {
    if (error instanceof NotStarted) throw describeSudo(error, runner, login.user, sudoPassword !== undefined);
    if (error instanceof CommandError) {
      // The script's text helps nobody; its output does.
      const said = (error.stderr.trim() || error.stdout.trim()).split('\n').slice(-5).join('\n');
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
 * @throws AppError `refused` when neither works. Its detail `sudo` says why: `wants-password` (none was given),
 * `wrong-password`, or `no`
 */
export async function proveSudo(
  runner: SshRunner,
  user: string,
  password: string | undefined,
  options: RunOptions = {},
): Promise<'none' | 'password'> {
  try {
    await runner.run(['true'], { ...options, through: sudoUnasked });
    return 'none';
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    if (password === undefined || isMissing(error)) throw describeSudo(error, runner, user, false);
  }
  try {
    await runner.run(['true'], { ...options, through: sudoWith(password) });
    return 'password';
  } catch (error) {
    if (!(error instanceof NotStarted)) throw error;
    throw describeSudo(error, runner, user, true);
  }
}

/** sh(1): 127 when a program is not there, 126 when it cannot be started. */
function isMissing({ exitCode }: NotStarted): boolean {
  return exitCode === 127 || exitCode === 126;
}

/** Why sudo did not start a program, for people. It quotes sudo's own message, in any language. */
export function describeSudo(
  error: NotStarted,
  runner: Pick<SshRunner, 'where'>,
  user: string,
  hasPassword: boolean,
): AppError {
  const tail = error.stderr.trim().split('\n').slice(-2).join(' ').slice(0, 300);
  const said = `(${tail || `exit ${error.exitCode}`})`;
  const refused = (sudo: 'wants-password' | 'wrong-password' | 'no', text: string) =>
    new AppError('refused', text, { cause: error, detail: { sudo } });
  if (isMissing(error)) return refused('no', `there is no sudo on ${runner.where}: install it, or log in as root`);
  if (error.otherPrompt !== '') {
    return refused(
      'no',
      `sudo on ${runner.where} asks ${user} for more than the password ("${error.otherPrompt}"), which Meshdeck does not ` +
        `answer: let ${user} use sudo there without a question (${user} ALL=(ALL) NOPASSWD: ALL in /etc/sudoers.d/meshd), or log in as root`,
    );
  }
  if (error.asked > 1)
    return refused('wrong-password', `sudo on ${runner.where} does not take this password of ${user}`);
  if (hasPassword) {
    return refused(
      'no',
      `${user} does not become root on ${runner.where} by sudo ${said}: give ${user} the right there ` +
        `(usermod -aG sudo ${user}), check the password, or log in as root`,
    );
  }
  return refused(
    'wants-password',
    `${user} cannot use sudo on ${runner.where} without a password ${said}: add to /etc/sudoers.d/meshd there: ` +
      `${user} ALL=(ALL) NOPASSWD: ALL`,
  );
}
