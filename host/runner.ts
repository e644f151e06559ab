// Running programs: one interface for this host and, over SSH, for others. Callers pass argv arrays; no shell sees them
// here. Every run has a deadline. A run that ends by its deadline or signal is an AppError, a run that ends with a
// non-zero exit code is a CommandError: the first means "unknown", the second means "no".
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { AppError } from '../contract/errors.ts';
import { maxOutputBytes } from '../contract/limits.ts';

export interface RunOptions {
  /** Deadline in milliseconds; 30,000 unless given. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Written to the program's standard input, which is then closed. */
  stdin?: string | Buffer | Readable;
  cwd?: string;
  /** Added to the environment of this process (local runs only). */
  env?: Record<string, string>;
  /** Bound on stdout and on stderr each; what exceeds it is dropped and `truncated` is set. */
  maxBytes?: number;
  /** Called with each piece of stdout and stderr as it arrives. */
  onOutput?: (text: string, stream: 'stdout' | 'stderr') => void;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  truncated: boolean;
}

export interface Runner {
  /** Where it runs, for messages: `this machine` or a node's name. */
  readonly where: string;
  /** Runs argv to its end. @throws CommandError on a non-zero exit, AppError `timeout` or `cancelled` otherwise. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** A program ran and failed. `message` names program, place, exit code and the last lines of stderr. */
export class CommandError extends AppError {
  readonly argv: readonly string[];
  /** Exit code, or null when a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    where: string,
    argv: readonly string[],
    end: { exitCode: number | null; stdout: string; stderr: string },
  ) {
    const tail = (end.stderr.trim() || end.stdout.trim()).split('\n').slice(-5).join('\n');
    super('failed', `${argv[0] ?? ''} on ${where}: exit ${end.exitCode ?? 'by signal'}${tail ? `: ${tail}` : ''}`);
    this.name = 'CommandError';
    this.argv = argv;
    this.exitCode = end.exitCode;
    this.stdout = end.stdout;
    this.stderr = end.stderr;
  }
}

/** The program that should have started another one (sudo) did not: that one never ran. */
export class NotStarted extends AppError {
  /** Of the program that should have started it. */
  readonly exitCode: number;
  readonly stderr: string;
  /** How often it asked for the offered password: twice when it did not accept it. */
  readonly asked: number;
  /** What else it asked for; empty for nothing. */
  readonly otherPrompt: string;

  constructor(where: string, starter: string, end: Pick<NotStarted, 'exitCode' | 'stderr' | 'asked' | 'otherPrompt'>) {
    const tail = end.stderr.trim().split('\n').slice(-2).join(' ').slice(0, 300);
    super('refused', `${starter} on ${where}: exit ${end.exitCode}${tail ? `: ${tail}` : ''}`);
    this.name = 'NotStarted';
    this.exitCode = end.exitCode;
    this.stderr = end.stderr;
    this.asked = end.asked;
    this.otherPrompt = end.otherPrompt;
  }
}

/** Collects a stream's text up to a bound. */
export class BoundedText {
  private readonly parts: string[] = [];
  private bytes = 0;
  truncated = false;
  private readonly maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  push(text: string): void {
    if (this.bytes + text.length > this.maxBytes) this.truncated = true;
    const kept = text.slice(0, Math.max(0, this.maxBytes - this.bytes));
    this.bytes += kept.length;
    if (kept) this.parts.push(kept);
  }

  toString(): string {
    return this.parts.join('');
  }
}

/** Runs programs on this machine. */
export const localRunner: Runner = {
  where: 'this machine',
  run(argv, options = {}) {
    const [program, ...args] = argv;
    if (program === undefined) return Promise.reject(new AppError('invalid', 'empty argv'));
    const timeoutMs = options.timeoutMs ?? 30_000;
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) {
        reject(new AppError('cancelled', `${program}: cancelled before it started`));
        return;
      }
      const child = spawn(program, args, {
        cwd: options.cwd,
        // Its output is parsed, as on a node (ssh/frame.ts): in the language that we read.
        env: { ...process.env, LC_ALL: 'C', ...options.env },
        stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      });
      const out = new BoundedText(options.maxBytes ?? maxOutputBytes);
      const err = new BoundedText(options.maxBytes ?? maxOutputBytes);
      let stopped: AppError | null = null;
      const stop = (error: AppError) => {
        stopped ??= error;
        child.kill('SIGKILL');
      };
      const timer = setTimeout(() => {
        stop(new AppError('timeout', `${program}: no end within ${timeoutMs} ms`));
      }, timeoutMs);
      const onAbort = () => {
        stop(new AppError('cancelled', `${program}: cancelled`));
      };
      options.signal?.addEventListener('abort', onAbort, { once: true });
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        out.push(text);
        options.onOutput?.(text, 'stdout');
      });
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        err.push(text);
        options.onOutput?.(text, 'stderr');
      });
      if (child.stdin && options.stdin !== undefined) {
        // The program may exit without reading: its exit code shows the result, EPIPE does not.
        child.stdin.on('error', () => undefined);
        if (typeof options.stdin === 'string' || Buffer.isBuffer(options.stdin)) child.stdin.end(options.stdin);
        else options.stdin.pipe(child.stdin);
      }
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
        finish();
      };
      child.on('error', (cause) => {
        settle(() => {
          reject(new AppError('failed', `${program}: ${cause.message}`, { cause }));
        });
      });
      child.on('close', (exitCode) => {
        settle(() => {
          const end = { stdout: out.toString(), stderr: err.toString() };
          if (stopped) reject(stopped);
          else if (exitCode === 0) resolve({ ...end, truncated: out.truncated || err.truncated });
          else reject(new CommandError('this machine', argv, { exitCode, ...end }));
        });
      });
    });
  },
};
