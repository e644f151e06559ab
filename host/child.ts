// Programs that run for a while beside us: started, read line by line as they speak, and ended. Owns their end: `stop`
// settles only when the program is gone, and one that was started with `diesWithParent` does not outlive this process.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { AppError } from '../contract/errors.ts';

export interface ChildOptions {
  /** Called with each line of standard output and standard error as it arrives, without its newline. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The kernel kills the program when this process ends, however it ends (prctl(2), PR_SET_PDEATHSIG; setpriv(1)). */
  readonly diesWithParent?: boolean;
  /** Opens its standard input for `write`; otherwise it reads nothing. */
  readonly hasInput?: boolean;
}

export interface ChildEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Settles when the program is gone and its output was read; never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Writes to its standard input, when it was started with `hasInput`. A program that is gone reads nothing. */
  write(text: string): void;
  /** Sends a signal; false when the program is gone already. */
  kill(signal: NodeJS.Signals): boolean;
  /** TERM, then KILL after `graceMs` (2,000 unless given). A stopped program (SIGSTOP) is continued, so that it gets the signal. */
  stop(graceMs?: number): Promise<ChildEnd>;
}

/** How long after a program's end its output is still read. */
const lastWordsMs = 500;

/** Starts argv. @throws AppError `failed` when the program cannot be started */
export async function startChild(argv: readonly string[], options: ChildOptions = {}): Promise<Child> {
  const [program, ...args] = options.diesWithParent ? ['setpriv', '--pdeathsig', 'KILL', '--', ...argv] : argv;
  if (program === undefined || argv.length === 0) throw new AppError('invalid', 'empty argv');
  const { onLine } = options;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ? { ...process.env, ...options.env } : process.env,
    stdio: [options.hasInput ? 'pipe' : 'ignore', onLine ? 'pipe' : 'ignore', onLine ? 'pipe' : 'ignore'],
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.on('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  // The program's own children may hold its pipes open; we wait for the program alone.
  child.on('exit', () => {
    setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, lastWordsMs).unref();
  });
  const readLines = (stream: Readable | null, name: 'stdout' | 'stderr') => {
    if (stream && onLine) createInterface({ input: stream }).on('line', (line) => onLine(line, name));
  };
  readLines(child.stdout, 'stdout');
  readLines(child.stderr, 'stderr');
  child.stdin?.on('error', () => undefined);
  const pid = await new Promise<number>((resolve, reject) => {
    child.on('spawn', () => resolve(child.pid ?? 0));
    child.on('error', (cause) => reject(new AppError('failed', `${argv[0] ?? ''}: ${cause.message}`, { cause })));
  });
  return {
    pid,
    ended,
    write: (text) => void child.stdin?.write(text),
    kill: (signal) => child.kill(signal),
    async stop(graceMs = 2_000) {
      child.kill('SIGTERM');
      child.kill('SIGCONT');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
