// The console's log: plain lines on standard error for the journal, `2026-11-22T06:20:15Z INFO text`. No secrets: whoever
// logs passes texts for people, and errors by their message.
import type { Log } from './ports.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof levels)[number];

/** Newlines in a text stay inside its one line, so that what a node reports cannot forge a line. */
export function createLog(level: LogLevel, write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const threshold = levels.indexOf(level);
  const printer = (name: LogLevel) => (text: string) => {
    if (levels.indexOf(name) < threshold) return;
    const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    write(`${time} ${name.toUpperCase()} ${text.replaceAll('\r', '\\r').replaceAll('\n', '\\n')}\n`);
  };
  return { debug: printer('debug'), info: printer('info'), warn: printer('warn'), error: printer('error') };
}
