// `ns` commands about VMs of a namespace as a whole: saving them, the queue of launches, and running a command on all hosts. minimega's patterns
// [facts, appendix A]; those about hosts and load are in table.ts. Rows of the one table.
//
// Reach: a queue and a save belong to the node where they are typed, which asks the other hosts itself.
import type { CommandPattern } from './types.ts';

const viewer = { role: 'viewer', reach: 'socket', scope: 'local' } as const;
const operator = { role: 'operator', reach: 'socket', scope: 'local' } as const;

const saved =
  'write memory and disks of all VMs of the namespace to saved/<name>, with launch.mm, which launches them again';

export const nsPatterns: readonly CommandPattern[] = [
  {
    ...viewer,
    pattern: 'ns <save,> [name]',
    whenGiven: { role: 'operator' },
    help: `how far the save of the namespace is; with a name: ${saved}`,
  },
  { ...viewer, pattern: 'ns <snapshot,> [name]', whenGiven: { role: 'operator' }, help: 'as ns save' },
  {
    ...viewer,
    pattern: 'ns <queueing,> [true,false]',
    whenGiven: { role: 'operator' },
    help: 'whether `vm launch kvm` only queues VMs, for a later `vm launch`',
  },
  { ...viewer, pattern: 'ns <queue,>', help: 'the VMs that are queued, with their configurations' },
  { ...operator, pattern: 'ns <flush,>', destructive: true, help: 'forget the VMs that are queued' },
  { ...operator, pattern: 'ns <schedule,>', help: 'launch the VMs that are queued, as `vm launch` does' },
  {
    ...operator,
    pattern: 'ns <schedule,> <dry-run,>',
    help: 'choose a host for each VM that is queued, and launch none',
  },
  { ...viewer, pattern: 'ns <schedule,> <dump,>', help: 'the hosts that dry-run chose' },
  {
    ...operator,
    pattern: 'ns <schedule,> <mv,> <vm target> <dst>',
    values: { dst: 'nodes' },
    help: 'choose another host for VMs, after dry-run',
  },
  {
    ...viewer,
    pattern: 'ns <run,> (command)',
    nestedRunsOn: 'mesh',
    help: 'run a command on every host of the namespace, and merge their answers',
  },
];
