// The `file …` commands. Columns and texts are minimega's; `file get` differs where a person waits (docs/compatibility.md).
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { AppError } from '../../contract/errors.ts';
import { folderOf } from '../../core/files/file-name.ts';
import type { FileEntry } from '../../host/images/image-store.ts';
import type { FetchStatus } from '../files/fetch.ts';
import type { Files } from '../files/files.ts';
import type { CommandCall, Handlers } from './handler.ts';

const listHeader = ['dir', 'name', 'size', 'modified'];
const statusHeader = ['filename', 'tempdir', 'completed', 'queued'];
/** A person reads no more. */
const progressMs = 1_000;

export interface FileHandlerComponents {
  readonly files: Pick<Files, 'list' | 'get' | 'delete' | 'status' | 'store' | 'downloads'>;
  readonly now: () => number;
}

export function createFileHandlers({ files, now }: FileHandlerComponents): Handlers {
  const list = async (call: CommandCall, path: string): Promise<ResponseEntry[]> => {
    // The root of what can be named, as in minimega.
    const name = path === '/' ? '' : path;
    const entries = await files.list(name, { isRecursive: call.command.words['recursive'] !== undefined });
    return [responseEntry(call.host, { Header: listHeader, Tabular: entries.map(rowOf) })];
  };
  const download = async (call: CommandCall): Promise<ResponseEntry[]> => {
    const options = call.command.lists['option'] ?? [];
    const odd = options.find((option) => !['replace', 'background'].includes(option));
    if (odd !== undefined)
      throw new AppError('invalid', `\`${odd.slice(0, 40)}\`: the options are replace and background`);
    const isBackground = options.includes('background');
    const { ended } = await files.downloads.begin(
      {
        url: word(call, 'url'),
        name: call.command.words['file'] ?? '',
        mayReplace: options.includes('replace'),
        isBackground,
      },
      { signal: call.signal, onProgress: progressTo(call, now) },
    );
    if (isBackground) return [responseEntry(call.host)];
    const { name, bytes, hash, format } = await ended;
    const Header = ['filename', 'size', 'format', 'sha256'];
    return [responseEntry(call.host, { Header, Tabular: [[name, String(bytes), format, hash]] })];
  };
  return {
    'file <list,>': (call) => list(call, ''),
    'file <list,> <path> [recursive,]': (call) => list(call, word(call, 'path')),
    'file <get,> <file>': async (call) => {
      const { ended } = await files.get(word(call, 'file'), {
        // Over the mesh nobody waits: `mesh send` has a deadline, and its end must not end the transfer.
        ...(call.origin.via === 'socket' ? { signal: call.signal } : {}),
        onProgress: progressTo(call, now),
      });
      if (call.origin.via === 'socket') await ended;
      return [responseEntry(call.host)];
    },
    'file <download,> <url> [file]': download,
    'file <download,> <url> <file> <option>...': download,
    'file <status,>': (call) => {
      const fetches = files.status();
      const rows = fetches.map((status) => statusRow(files.store.root, status));
      const data = fetches.length > 0 ? { Data: fetches } : {};
      return Promise.resolve([responseEntry(call.host, { Header: statusHeader, Tabular: rows, ...data })]);
    },
    'file <delete,> <file>': async (call) => {
      await files.delete(word(call, 'file'));
      return [responseEntry(call.host)];
    },
  };
}

function rowOf({ name, isFolder, bytes, modifiedMs }: FileEntry): string[] {
  const modified = new Date(modifiedMs).toISOString().replace(/\.\d+Z$/, 'Z');
  return [isFolder ? '<dir>' : '', name, String(bytes), modified];
}

function statusRow(root: string, status: FetchStatus): string[] {
  const { name, state, chunks, doneChunks, error } = status;
  const folder = folderOf(name);
  const completed = state === 'failed' ? `failed: ${error}` : `${doneChunks}/${chunks}`;
  return [name, folder === '' ? root : `${root}/${folder}`, completed, String(state === 'queued')];
}

/** Progress as minimega words it, a line a second. */
function progressTo({ host, status }: CommandCall, now: () => number): (fetch: FetchStatus) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return ({ name, state, bytes, doneBytes }) => {
    if (state !== 'fetching' || now() - toldAt < progressMs) return;
    toldAt = now();
    const percent = bytes === 0 ? 0 : (100 * doneBytes) / bytes;
    status(`[${host}]: transferring file ${name}: ${percent.toFixed(6)}% complete`);
  };
}

function word(call: CommandCall, key: string): string {
  const text = call.command.words[key];
  if (text === undefined) throw new AppError('invalid', `${call.command.pattern.pattern}: ${key} is missing`);
  return text;
}
