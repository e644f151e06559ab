// What a page asks about one VM, as lines for the node that the console is attached to, and what it reads from the answers. Pure.
import type { ResponseEntry } from '../../contract/command-socket.ts';
import { inNamespace } from '../../core/commands/in-namespace.ts';
import { quoteWord } from '../../core/commands/tokens.ts';
import { safeText } from '../../core/safe-text.ts';
import type { VmLine } from './vm-line.ts';

/** `question` as its own node gets it, and no other where that can be helped. */
function onNodeOf({ vm, node }: VmLine, attached: string, question: string): string {
  const sent = node === attached ? question : `mesh send ${quoteWord(node)} ${question}`;
  return inNamespace(vm.Namespace, sent);
}

export function infoQuestion(line: VmLine, attached: string): string {
  return onNodeOf(line, attached, `vm show ${quoteWord(line.vm.Uuid)}`);
}

/** The same in minimega's words, for people: all hosts of the namespace answer it. */
export function minimegaInfo({ vm }: VmLine): string {
  return inNamespace(vm.Namespace, `.filter uuid=${quoteWord(vm.Uuid)} vm info`);
}

/** A picture no wider or higher than this, in pixels. */
export function pictureQuestion(line: VmLine, attached: string, maxSide: number): string {
  return onNodeOf(line, attached, `vm screenshot ${quoteWord(line.vm.Uuid)} ${maxSide}`);
}

export interface VmInfo {
  readonly disks: readonly string[];
  /** Other fields that are set, with their names. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
}

const fieldNames: Readonly<Record<string, string>> = {
  snapshot: 'Snapshot',
  cdrom: 'CD drive',
  kernel: 'Kernel',
  initrd: 'Initrd',
  append: 'Kernel’s words',
  'serial-ports': 'Serial lines',
  'virtio-ports': 'Virtio ports',
  bond: 'Bonds',
  qos: 'QoS',
  qinq: 'QinQ',
  pid: 'Process',
};

/** From the table of `vm show`; null when the VM is not in it. */
export function readInfo(entries: readonly ResponseEntry[], uuid: string): VmInfo | null {
  for (const { Header: header, Tabular: rows } of entries) {
    const at = header?.indexOf('uuid') ?? -1;
    const row = at < 0 ? undefined : rows?.find((each) => each[at] === uuid);
    if (!header || row === undefined) continue;
    const cell = (name: string): string => safeText(row[header.indexOf(name)] ?? '');
    const fields = Object.entries(fieldNames)
      .map(([column, name]) => ({ name, value: cell(column) }))
      .filter(({ value }) => !['', '[]', 'N/A', '0'].includes(value));
    return { disks: cell('disks').split(',').filter(Boolean), fields };
  }
  return null;
}

/** The picture as a data URL; null without one. */
export function readPicture(entries: readonly ResponseEntry[]): string | null {
  for (const { Data: data } of entries) {
    if (typeof data === 'string' && /^[A-Za-z0-9+/]+=*$/.test(data)) return `data:image/png;base64,${data}`;
  }
  return null;
}
