// meshd's log: plain lines for the journal and for people, `2026/11/22 06:20:15 INFO text` as minimega prints them.
// A JSON logger was left out on purpose: `deploy logs` and journalctl show these lines as they are.
import { appendFileSync } from 'node:fs';

const levels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof levels)[number];
export type Log = Readonly<Record<LogLevel, (text: string) => void>>;

export interface LogOptions {
  readonly level: LogLevel;
  /** Also appended to this file; empty for none. */
  readonly file: string;
}

/** Writes to standard error, and to a file when one is named. Newlines in a text stay inside its one line. */
export function createLog(
  options: LogOptions,
  write: (line: string) => void = (line) => process.stderr.write(line),
): Log {
  const threshold = levels.indexOf(options.level);
  let isFileBroken = false;
  const print = (level: LogLevel, text: string) => {
    if (levels.indexOf(level) < threshold) return;
    const time = new Date().toISOString().replace('T', ' ').replaceAll('-', '/').slice(0, 19);
    const line = `${time} ${level.toUpperCase()} ${text.replaceAll('\n', '\\n')}\n`;
    write(line);
    if (options.file === '' || isFileBroken) return;
    try {
      appendFileSync(options.file, line, { mode: 0o600 });
    } catch (error) {
      // A full disk must not end the daemon: it says so once, then logs to standard error alone.
      isFileBroken = true;
      write(`${time} WARN cannot write ${options.file}: ${error instanceof Error ? error.message : ''}\n`);
    }
  };
  return {
    debug: (text) => print('debug', text),
    info: (text) => print('info', text),
    warn: (text) => print('warn', text),
    error: (text) => print('error', text),
    fatal: (text) => print('fatal', text),
  };
}
