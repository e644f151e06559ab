// Rows of files below -filepath. minimega lists names and sizes, and looks into no file, so a name has to tell what a file is for.
import type { FileRow } from '../../../contract/cluster-kinds.ts';
import { maxFactCharacters, maxFileRows } from '../../../contract/limits.ts';

const byEnd: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ qcow2: 'qcow2', qc2: 'qcow2', img: 'raw', raw: 'raw', hdd: 'raw', iso: 'iso' },
    // What vmbetter calls the two that it makes.
    ...{ kernel: 'kernel', initrd: 'initrd' },
  }),
);

/** As `Format` of a file's row has it; `other` where the name does not tell. */
export function formatOfName(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (/^(vmlinu[xz]|bzimage)([-_.]|$)/.test(name)) return 'kernel';
  // Not `initramfs.img` as a disk.
  if (/^init(rd|ramfs)([-_.]|$)/.test(name)) return 'initrd';
  return byEnd.get(/\.([^.]+)$/.exec(name)?.[1] ?? '') ?? 'other';
}

/** What `cc` keeps below -filepath of programs in guests: no image, and often thousands. */
const responsesFolder = 'miniccc_responses/';

type Tables = ReadonlyMap<string, readonly Readonly<Record<string, string>>[]>;

/** @param idOf the node's id, by its name */
export function fileRows(
  {
    files,
    transfers,
    neighbours,
  }: { readonly files: Tables; readonly transfers: Tables; readonly neighbours: ReadonlyMap<string, unknown> },
  idOf: (host: string) => string,
): FileRow[] {
  const rows: FileRow[] = [];
  for (const [host, table] of files) {
    if (!neighbours.has(host)) continue;
    const Node = idOf(host);
    const all = table.flatMap<FileRow>(({ dir = '', name = '', size = '', modified = '' }) => {
      if (dir !== '' || name === '' || name.startsWith(responsesFolder)) return [];
      const facts = { Size: Number(size) || 0, Modified: Date.parse(modified) || 0, Format: formatOfName(name) };
      return [
        {
          Node,
          Name: name.slice(0, maxFactCharacters),
          ...facts,
          Hash: '',
          State: 'here',
          Done: facts.Size,
          Error: '',
        },
      ];
    });
    // The largest, as meshd does it: images are among them.
    if (all.length > maxFileRows) all.sort((a, b) => b.Size - a.Size);
    rows.push(...all.slice(0, maxFileRows));
    const more = all.length - maxFileRows;
    if (more > 0)
      rows.push({ Node, Name: '', Size: more, Modified: 0, Format: '', Hash: '', State: 'more', Done: 0, Error: '' });
  }
  for (const [host, table] of transfers) {
    for (const { filename = '', completed = '' } of table) {
      const [done = 0, parts = 0] = completed.split('/').map((text) => Number(text) || 0);
      if (filename === '' || !neighbours.has(host)) continue;
      const partBytes = 10 * 1024 * 1024;
      rows.push({
        ...{
          Node: idOf(host),
          Name: filename.slice(0, maxFactCharacters),
          Size: parts * partBytes,
          Modified: 0,
        },
        ...{ Format: '', Hash: '', State: 'fetching', Done: done * partBytes, Error: '' },
      });
    }
  }
  return rows;
}
