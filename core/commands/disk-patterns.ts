// The `disk` commands, minimega's patterns [facts 5.14]. Names start at -filepath. Members look at images of other nodes, and change none, as with
// `file delete`. `disk inject` would have the kernel of the node mount what a guest wrote, and is not here.
import type { CommandPattern } from './types.ts';

const viewer = { role: 'viewer', reach: 'mesh', scope: 'local' } as const;
const operator = { role: 'operator', reach: 'socket', scope: 'local' } as const;

export const diskPatterns: readonly CommandPattern[] = [
  {
    ...operator,
    pattern: 'disk create <qcow2,raw> <image name> <size>',
    help: 'make an empty disk below -filepath of this node, of a size such as 20G',
  },
  {
    ...viewer,
    pattern: 'disk info <image> [recursive,]',
    help: 'format, sizes, backing file and whether a VM uses it; recursive: of its backing files too',
  },
  {
    ...operator,
    pattern: 'disk snapshot <image> [dst image]',
    help: 'make a qcow2 image over another one: what is written to it leaves the other as it is',
  },
  {
    ...operator,
    pattern: 'disk <rebase,> <image> [backing file]',
    help: 'give an image another backing file, or none, and copy what differs, so that its guest reads the same',
  },
  {
    ...operator,
    pattern: 'disk <set-backing,> <image> [backing file]',
    // The contents change when the two files differ.
    destructive: true,
    help: 'only write another name of the backing file into an image, for one that was moved',
  },
  {
    ...operator,
    pattern: 'disk commit <image>',
    destructive: true,
    help: 'write what an image holds into its backing file',
  },
  { ...operator, pattern: 'disk resize <image> <size>', help: 'make a disk larger: to 30G, or by +10G' },
];
