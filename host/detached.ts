// Programs that outlive the call that starts them, and programs that take over the terminal. Identity of a process is
// (pid, start time, boot): a recycled pid is never taken for the one that was started.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { AppError } from '../contract/errors.ts';

/** Identifies one process of this machine permanently: the system may give its pid to another program later. */
export interface ProcessIdentity {
  pid: number;
  /** Kernel start time in clock ticks since boot (proc(5), /proc/<pid>/stat field 22). */
  startTicks: string;
  bootId: string;
}

/** Reads which process has this pid now; null when none has it. A zombie does not count. */
export function readProcessIdentity(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses; fields are counted from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = fields[19];
    if (startTicks === undefined || fields[0] === 'Z') return null;
    return { pid, startTicks, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return null;
  }
}

/** True while exactly this process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = readProcessIdentity(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

export interface DetachedOptions {
  /** Gets stdout and stderr, appended. */
  logFile: string;
  cwd?: string;
  env?: Record<string, string>;
  /** Gives the program nothing of this process's environment but PATH. */
  isCleanEnv?: boolean;
  /** Descriptors that the program gets as 3, 4, …; the caller closes its own. */
  descriptors?: readonly number[];
  /** Called when the program ends while this process lives. */
  onExit?: () => void;
}

/**
 * Starts argv in its own session; it keeps running when this process ends.
 * @throws AppError `failed` when the program cannot be started
 */
export function startDetached(argv: readonly string[], options: DetachedOptions): Promise<ProcessIdentity> {
  const [program, ...args] = argv;
  if (program === undefined) return Promise.reject(new AppError('invalid', 'empty argv'));
  const log = openSync(options.logFile, 'a', 0o640);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      detached: true,
      cwd: options.cwd ?? '/',
      env: { ...(options.isCleanEnv ? { PATH: process.env['PATH'] } : process.env), ...options.env },
      stdio: ['ignore', log, log, ...(options.descriptors ?? [])],
    });
    closeSync(log);
    if (options.onExit) child.on('exit', options.onExit);
    child.on('error', (cause) => {
      reject(new AppError('failed', `${program}: ${cause.message}`, { cause }));
    });
    child.on('spawn', () => {
      child.unref();
      const identity = child.pid === undefined ? null : readProcessIdentity(child.pid);
      if (identity) resolve(identity);
      else reject(new AppError('failed', `${program} ended at once: see ${options.logFile}`));
    });
  });
}

/**
 * Runs argv on this process's own terminal until it ends.
 * @returns its exit code; 128 plus the signal's number is not known here, so a signal gives 255
 */
export function runOnTerminal(argv: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const [program, ...args] = argv;
  if (program === undefined) return Promise.reject(new AppError('invalid', 'empty argv'));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', (cause) => {
      reject(new AppError('failed', `${program}: ${cause.message}`, { cause }));
    });
    child.on('close', (exitCode) => {
      resolve(exitCode ?? 255);
    });
  });
}
