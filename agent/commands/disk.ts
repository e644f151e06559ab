// The `disk …` commands. Columns are minimega's; what is checked before an image is changed is agent/files/disks.ts.
import { responseEntry, type ResponseEntry } from '../../contract/command-socket.ts';
import { describeDiskSize } from '../../core/files/disk-size.ts';
import type { Disks } from '../files/disks.ts';
import type { CommandCall, Handler, Handlers } from './handler.ts';
import { wordOf } from './vm-targets.ts';

const infoHeader = ['image', 'format', 'virtualsize', 'disksize', 'backingfile', 'inuse'];

/** `root`: -filepath, which minimega shows in front of names. */
export function createDiskHandlers(disks: Disks, root: string): Handlers {
  const act =
    (does: (call: CommandCall) => Promise<unknown>): Handler =>
    async (call): Promise<ResponseEntry[]> => {
      const said = await does(call);
      return [responseEntry(call.host, { Response: typeof said === 'string' ? said : '' })];
    };
  const optional = ({ command }: CommandCall, key: string) => command.words[key] ?? null;
  return {
    'disk create <qcow2,raw> <image name> <size>': act((call) => {
      const format = call.command.words['raw'] === undefined ? 'qcow2' : 'raw';
      return disks.create(format, wordOf(call, 'image'), wordOf(call, 'size'), call);
    }),
    'disk info <image> [recursive,]': async (call) => {
      const isRecursive = call.command.words['recursive'] !== undefined;
      const found = await disks.info(wordOf(call, 'image'), { isRecursive });
      const rows = found.map(({ name, format, virtualBytes, storedBytes, backing, isInUse }) => [
        `${root}/${name}`,
        format,
        describeDiskSize(virtualBytes),
        describeDiskSize(storedBytes),
        backing,
        String(isInUse),
      ]);
      return [responseEntry(call.host, { Header: infoHeader, Tabular: rows })];
    },
    'disk snapshot <image> [dst image]': act(async (call) => {
      const target = optional(call, 'dst');
      const path = await disks.snapshot(wordOf(call, 'image'), target, call);
      // minimega names the one that it chose.
      return target === null ? path : '';
    }),
    'disk <rebase,> <image> [backing file]': act((call) =>
      disks.rebase(wordOf(call, 'image'), optional(call, 'backing'), { signal: call.signal, isSafe: true }),
    ),
    'disk <set-backing,> <image> [backing file]': act((call) =>
      disks.rebase(wordOf(call, 'image'), optional(call, 'backing'), { signal: call.signal, isSafe: false }),
    ),
    'disk commit <image>': act((call) => disks.commit(wordOf(call, 'image'), call)),
    'disk resize <image> <size>': act((call) => disks.resize(wordOf(call, 'image'), wordOf(call, 'size'), call)),
  };
}
