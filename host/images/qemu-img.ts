// DiskTool by qemu-img. Every path is absolute, so that no name is read as a protocol or an option, and every format is stated.
import type { CommandError, Runner } from '../runner.ts';
import { AppError } from '../../contract/errors.ts';
import type { DiskTool } from './disk-tool.ts';

/** Headers are written in milliseconds; a disk that hangs must not hold its caller. */
const headerMs = 60_000;
/** A terabyte at 100 MB/s is three hours. */
const copyMs = 4 * 3600 * 1000;

export function createQemuImg(runner: Runner): DiskTool {
  async function run(args: readonly string[], timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await runner.run(['qemu-img', ...args], { timeoutMs, ...(signal ? { signal } : {}) });
    } catch (error) {
      if (!isCommandError(error)) throw error;
      const words = error.stderr.trim().replaceAll(/^qemu-img: /gm, '');
      throw new AppError('failed', `qemu-img ${args[0] ?? ''}: ${words.slice(0, 1_000) || error.message}`, {
        cause: error,
      });
    }
  }
  return {
    create(path, { format, bytes, backing }, { signal } = {}) {
      // -u: the size is given, so the backing file, which a VM may use now, stays closed.
      const over = backing ? ['-u', '-b', backing.file, '-F', backing.format] : [];
      return run(['create', '-q', '-f', format, ...over, path, String(bytes)], headerMs, signal);
    },
    rebase(path, backing, { isSafe, signal }) {
      const to = backing ? ['-b', backing.file, '-F', backing.format] : ['-b', ''];
      const how = isSafe ? [] : ['-u'];
      return run(['rebase', '-q', ...how, '-f', 'qcow2', ...to, path], isSafe ? copyMs : headerMs, signal);
    },
    commit: (path, { signal } = {}) => run(['commit', '-q', '-f', 'qcow2', path], copyMs, signal),
    resize: (path, { format, bytes }, { signal } = {}) =>
      run(['resize', '-q', '-f', format, path, String(bytes)], headerMs, signal),
  };
}

const isCommandError = (error: unknown): error is CommandError =>
  error instanceof AppError && error.name === 'CommandError';
