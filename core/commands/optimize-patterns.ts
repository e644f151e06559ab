// `optimize`: tuning of a host for its VMs. It changes the kernel's settings, so it is an admin's; huge pages name a folder of the host.
import type { CommandPattern } from './types.ts';

const viewer = { role: 'viewer', reach: 'mesh', scope: 'local' } as const;
const admin = { role: 'admin', reach: 'mesh', scope: 'local' } as const;

export const optimizePatterns: readonly CommandPattern[] = [
  { ...viewer, pattern: 'optimize', help: 'what of this node is tuned for its VMs' },
  {
    ...viewer,
    pattern: 'optimize <ksm,> [true,false]',
    whenGiven: { role: 'admin' },
    help: 'show or set: merge equal memory pages of VMs',
  },
  {
    ...viewer,
    reach: 'socket',
    pattern: 'optimize <hugepages,> [path]',
    whenGiven: { role: 'admin' },
    help: 'show or set the hugetlbfs that the memory of VMs lies in which start from now on',
  },
  {
    ...viewer,
    pattern: 'optimize <affinity,> [true,false]',
    whenGiven: { role: 'admin' },
    help: 'show which processor each VM is pinned to, or pin each to one',
  },
  {
    ...admin,
    pattern: 'optimize <affinity,> <filter,> <cpus>',
    help: 'pin VMs to these processors alone, such as 0,2-4',
  },
  { ...admin, pattern: 'clear optimize', destructive: true, help: 'all as it was before `optimize`' },
  { ...admin, pattern: 'clear optimize <ksm,>', destructive: true, help: 'the KSM settings that the kernel had' },
  { ...admin, pattern: 'clear optimize <hugepages,>', destructive: true, help: 'the next VMs without huge pages' },
  {
    ...admin,
    pattern: 'clear optimize <affinity,> [filter,]',
    destructive: true,
    help: 'VMs run on all processors again; filter: pin them to any',
  },
];
