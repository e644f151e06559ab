// Programs between named pipes: lines go in at their standard input, and come out at their standard output. They are an admin's words, so they run as
// a user that owns nothing, without capabilities, with an empty environment; and the kernel ends them when this process ends.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { AppError } from '../contract/errors.ts';
import { maxPipeBacklogBytes, maxPipeLineBytes } from '../contract/limits.ts';
import { LineCutter } from './line-cutter.ts';
import { findProgram } from './programs.ts';

/** Beside the users of VMs (qemu/launcher.ts), so that it shares nothing with a service of the machine. */
const filterUser = 1_999_999_998;
/** How long a program may work on what it has once its input is over, and then after TERM. */
const graceMs = 2_000;
/** Lines of standard error that are passed on: a program that fails at each line would fill the log. */
const maxComplaints = 20;

export interface FilterOptions {
  readonly onLine: (line: string) => void;
  /** What it says on standard error, line by line, the first ones. */
  readonly onComplaint: (line: string) => void;
}

export interface FilterEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
}

export interface Filter {
  readonly pid: number;
  readonly ended: Promise<FilterEnd>;
  /** A line with its newline. False: it does not read, and the line was left out. */
  write(line: string): boolean;
  /** No lines come, and it may run as long as it likes. */
  closeInput(): void;
  /** No more lines come: it ends on its own, or is ended. */
  endInput(): void;
  /** Ends it. */
  stop(): Promise<FilterEnd>;
}

export type StartFilter = (argv: readonly string[], options: FilterOptions) => Promise<Filter>;

/** Starts argv, whose first word is a bare name of a program on PATH. @throws AppError `not-found`, `failed` */
export async function startFilter(argv: readonly string[], options: FilterOptions): Promise<Filter> {
  const [name = '', ...args] = argv;
  const path = await findProgram(name);
  if (path === null) throw new AppError('not-found', `there is no program ${name} on this node's PATH`);
  const [program = '', ...words] = prefixed([path, ...args]);
  const child = spawn(program, words, { cwd: '/', env: { PATH: usualPath, LC_ALL: 'C.UTF-8' }, stdio: 'pipe' });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new AppError('failed', `${name}: ${cause.message}`, { cause })));
  });
  return follow(child, options);
}

const usualPath = '/usr/local/bin:/usr/bin:/bin';

/** A change of the user takes the signal at the parent's end away, so that comes last. */
function prefixed(argv: readonly string[]): readonly string[] {
  const dies = ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs', '--', ...argv];
  if (process.getuid?.() !== 0) return dies;
  const user = [`--reuid=${filterUser}`, `--regid=${filterUser}`, '--clear-groups'];
  return ['setpriv', ...user, '--inh-caps=-all', '--bounding-set=-all', '--', ...dies];
}

function follow(child: ChildProcessByStdio<Writable, Readable, Readable>, options: FilterOptions): Filter {
  const ended = new Promise<FilterEnd>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode }));
  });
  // What it wrote last is still in the pipe, which its own children may hold open.
  child.once('exit', () => {
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, graceMs).unref();
  });
  let complaints = 0;
  cutLines(child.stdout, options.onLine);
  cutLines(child.stderr, (line) => {
    complaints += 1;
    if (complaints <= maxComplaints) options.onComplaint(line);
  });
  child.stdin.on('error', () => undefined);
  const stop = async () => {
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    try {
      return await ended;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    pid: child.pid ?? 0,
    ended,
    write: (line) => {
      if (!child.stdin.writable || child.stdin.writableLength > maxPipeBacklogBytes) return false;
      child.stdin.write(line);
      return true;
    },
    closeInput: () => child.stdin.end(),
    endInput: () => {
      child.stdin.end();
      const timer = setTimeout(() => void stop(), graceMs);
      void ended.then(() => clearTimeout(timer));
    },
    stop,
  };
}

function cutLines(stream: Readable, onLine: (line: string) => void): void {
  const cutter = new LineCutter(maxPipeLineBytes);
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    for (const line of cutter.push(text)) onLine(line);
  });
  stream.on('end', () => {
    for (const line of cutter.end()) onLine(line);
  });
  stream.on('error', () => undefined);
}
