// meshd's log: plain lines for the journal and for people, `2026/11/22 06:20:15 INFO text` as minimega prints them.
// A JSON logger was left out on purpose: `deploy logs` and journalctl show these lines as they are.
import { appendFileSync, writeSync } from 'node:fs';

export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];
export type Log = Readonly<Record<LogLevel, (text: string) => void>>;

export interface LogOptions {
  readonly level: LogLevel;
  /** Also appended to this file; empty for none. */
  readonly file: string;
  /** Whether it goes to standard error; it does unless this is false. */
  readonly toStderr?: boolean;
}

/** A file that `log file` opened. */
interface LogFile {
  readonly name: string;
  readonly descriptor: number;
  readonly close: () => Promise<void>;
}

/**
 * The log with what the `log` commands set at run time. It goes to standard error, to a file when one is named, and to a ring of the newest
 * lines when that has a size. Newlines in a text stay inside its one line.
 */
export class LogBook {
  readonly log: Log;
  private options: Required<LogOptions>;
  private readonly write: (line: string) => void;
  private filters: readonly string[] = [];
  private ringSize = 0;
  private readonly ring: string[] = [];
  private opened: LogFile | null = null;
  private isFileBroken = false;

  constructor(options: LogOptions, write: (line: string) => void = (line) => process.stderr.write(line)) {
    this.options = { toStderr: true, ...options };
    this.write = write;
    const print = (level: LogLevel) => (text: string) => this.print(level, text);
    this.log = {
      debug: print('debug'),
      info: print('info'),
      warn: print('warn'),
      error: print('error'),
      fatal: print('fatal'),
    };
  }

  get level(): LogLevel {
    return this.options.level;
  }

  get toStderr(): boolean {
    return this.options.toStderr;
  }

  /** Name of the file it also goes to; empty for none. */
  get file(): string {
    return this.opened?.name ?? this.options.file;
  }

  /** Lines with one of these texts are left out. */
  get filtered(): readonly string[] {
    return this.filters;
  }

  /** The newest lines, the oldest first; null while none are kept. */
  get kept(): readonly string[] | null {
    return this.ringSize === 0 ? null : this.ring;
  }

  set(change: Partial<Omit<Required<LogOptions>, 'file'>>): void {
    this.options = { ...this.options, ...change };
  }

  leaveOut(texts: readonly string[]): void {
    this.filters = texts;
  }

  /** Keeps so many lines; 0 for none. */
  keep(lines: number): void {
    this.ringSize = lines;
    this.ring.splice(0, Math.max(0, this.ring.length - lines));
  }

  /** To a file that is open for appending, in place of the one before; null for none. */
  appendTo(file: LogFile | null): void {
    void this.opened?.close().catch(() => undefined);
    this.opened = file;
    this.isFileBroken = false;
    if (file === null) this.options = { ...this.options, file: '' };
  }

  private print(level: LogLevel, text: string): void {
    if (logLevels.indexOf(level) < logLevels.indexOf(this.options.level)) return;
    if (this.filters.some((filter) => text.includes(filter))) return;
    const time = new Date().toISOString().replace('T', ' ').replaceAll('-', '/').slice(0, 19);
    const line = `${time} ${level.toUpperCase()} ${text.replaceAll('\n', '\\n')}\n`;
    if (this.options.toStderr) this.write(line);
    if (this.ringSize > 0) {
      this.ring.push(line.slice(0, maxKeptCharacters).trimEnd());
      if (this.ring.length > this.ringSize) this.ring.shift();
    }
    if (this.file === '' || this.isFileBroken) return;
    try {
      if (this.opened) writeSync(this.opened.descriptor, line);
      else appendFileSync(this.options.file, line, { mode: 0o600 });
    } catch (error) {
      // A full disk must not end the daemon: it says so once, then logs to standard error alone.
      this.isFileBroken = true;
      this.write(`${time} WARN cannot write ${this.file}: ${error instanceof Error ? error.message : ''}\n`);
    }
  }
}

/** Of a line in the ring. */
const maxKeptCharacters = 2_000;

/** A log whose settings stay as they are. */
export function createLog(options: LogOptions, write?: (line: string) => void): Log {
  return new LogBook(options, write).log;
}
