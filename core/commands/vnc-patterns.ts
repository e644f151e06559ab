// The `vnc` commands, minimega's patterns [facts, appendix A]. Rows of the one table (table.ts).
//
// Role: a recording has what others type, passwords too, in a file that all nodes may fetch, so it is an admin's. Reach: what names a file is of the
// node that has the VM.
import type { CommandPattern } from './types.ts';

const there = { role: 'operator', reach: 'mesh', scope: 'vms', values: { vm: 'vm-targets' } } as const;
const adminHere = { role: 'admin', reach: 'socket', scope: 'local', values: { vm: 'vms' } } as const;

export const vncPatterns: readonly CommandPattern[] = [
  {
    role: 'viewer',
    reach: 'mesh',
    scope: 'namespace',
    pattern: 'vnc',
    help: 'recordings and playbacks of keys on screens of VMs',
  },
  {
    ...{ role: 'operator', reach: 'mesh', scope: 'namespace', destructive: true },
    pattern: 'clear vnc',
    help: 'end all of the namespace',
  },
  {
    ...adminHere,
    pattern: 'vnc <record,> <kb,fb> <vm name> <filename>',
    help: 'write what viewers type on the screen of a VM of this node to a text file below -filepath; fb is not there',
  },
  { ...adminHere, pattern: 'vnc <stop,> <kb,fb> <vm name>', help: 'end the recording' },
  {
    ...{ role: 'operator', reach: 'socket', scope: 'local', values: { vm: 'vm-targets' } },
    pattern: 'vnc <play,> <vm target> <filename>',
    help: 'type such a file on the screens of VMs of this node',
  },
  { ...there, pattern: 'vnc <stop,> <vm target>', help: 'end the playback' },
  { ...there, pattern: 'vnc <pause,> <vm target>', help: 'pause it' },
  { ...there, pattern: 'vnc <continue,> <vm target>', help: 'continue it' },
  { ...there, pattern: 'vnc <step,> <vm target>', help: 'do its next event now' },
  { ...there, pattern: 'vnc <getstep,> <vm target>', help: 'show its next event' },
  {
    ...there,
    pattern: 'vnc <inject,> <vm target> <cmd>',
    help: 'send one event: KeyEvent,true,Return or PointerEvent,1,100,200',
  },
  { ...there, pattern: 'vnc <type,> <vm target> <str>...', help: 'type text on the screen of VMs' },
];
