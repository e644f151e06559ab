// The console's log: plain lines on standard error for the journal, `2026-11-22T06:20:15Z INFO text`. No secrets: callers
// pass texts for people, and errors by their message.
import type { Log } from './ports.ts';

const levels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof levels)[number];

/** Control characters are written out, so that what a node reports can neither forge a line nor speak to a terminal. */
export function createLog(level: LogLevel, write: (line: string) => void = (line) => process.stderr.write(line)): Log {
  const threshold = levels.indexOf(level);
  const printer = (name: LogLevel) => (text: string) => {
    if (levels.indexOf(name) < threshold) return;
    const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    write(`${time} ${name.toUpperCase()} ${withoutControls(text)}\n`);
  };
  return { debug: printer('debug'), info: printer('info'), warn: printer('warn'), error: printer('error') };
}

function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is written out
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) => {
    if (char === '\n') return '\\n';
    return char === '\r' ? '\\r' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
