// The `log` commands: what meshd logs and where to, until it ends. Texts are minimega's where it has one.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { maxLogFilters, maxLogRing } from '../../contract/limits.ts';
import { clipLine } from '../../core/commands/tokens.ts';
import { openAppendBelow } from '../../host/text-below.ts';
import { logLevels, type LogBook, type LogLevel } from '../log.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';

export interface LogOptions {
  /** Directory of the files that commands may name. */
  readonly filePath: string;
  /** What it was started with: `clear log` goes back to it. */
  readonly level: LogLevel;
  readonly toStderr: boolean;
}

export function createLogHandlers({ filePath, ...initial }: LogOptions, book: LogBook): Handlers {
  const clears = {
    level: () => book.set({ level: initial.level }),
    stderr: () => book.set({ toStderr: initial.toStderr }),
    file: () => book.appendTo(null),
    filter: () => book.leaveOut([]),
    ring: () => book.keep(0),
  };
  const clear =
    (...parts: readonly (keyof typeof clears)[]): Handler =>
    (call) => {
      for (const part of parts) clears[part]();
      return Promise.resolve(answer(call));
    };
  return {
    'log level [debug,info,warn,error,fatal]': (call) => {
      const level = logLevels.find((name) => call.command.words[name] !== undefined);
      if (level === undefined) return Promise.resolve(answer(call, book.level));
      book.set({ level });
      return Promise.resolve(answer(call));
    },
    'log stderr [true,false]': (call) => {
      const { words } = call.command;
      const isSet = words['true'] !== undefined || words['false'] !== undefined;
      if (!isSet) return Promise.resolve(answer(call, String(book.toStderr)));
      book.set({ toStderr: words['true'] !== undefined });
      return Promise.resolve(answer(call));
    },
    'log file [file]': async (call) => {
      const name = call.command.words['file'];
      if (name === undefined) return answer(call, book.file);
      const file = await openAppendBelow(filePath, name);
      book.appendTo({ name, descriptor: file.fd, close: () => file.close() });
      return answer(call);
    },
    'log filter [filter]': (call) => {
      const filter = call.command.words['filter'];
      if (filter === undefined) return Promise.resolve(answer(call, book.filtered.join('\n')));
      if (filter === '')
        throw new AppError(
          'invalid',
          'an empty filter would leave out every line: `log level` sets how many there are',
        );
      if (book.filtered.length >= maxLogFilters)
        throw new AppError('refused', `more than ${maxLogFilters} filters: \`clear log filter\` removes them`);
      book.leaveOut([...book.filtered.filter((text) => text !== filter), filter]);
      return Promise.resolve(answer(call));
    },
    'log ring [size]': (call) => {
      const size = call.command.words['size'];
      if (size !== undefined) {
        if (!/^\d{1,6}$/.test(size) || Number(size) < 1 || Number(size) > maxLogRing)
          throw new AppError('invalid', `\`${clipLine(size)}\`: a number of lines, 1 to ${maxLogRing}`);
        book.keep(Number(size));
        return Promise.resolve(answer(call));
      }
      if (book.kept === null) throw new AppError('refused', 'cannot dump log ring, not enabled');
      return Promise.resolve(answer(call, book.kept.join('\n')));
    },
    'clear log': clear('level', 'stderr', 'file', 'filter', 'ring'),
    'clear log <file,>': clear('file'),
    'clear log <filter,>': clear('filter'),
    'clear log <level,>': clear('level'),
    'clear log <ring,>': clear('ring'),
    'clear log <stderr,>': clear('stderr'),
  };
}

function answer({ host }: CommandCall, Response = ''): ResponseEntry[] {
  return [responseEntry(host, { Response })];
}
