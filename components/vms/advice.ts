// What is wrong with a VM and what to do about it, in words; null when nothing is. Pure.
import { stateLook } from './vm-states.ts';
import type { VmLine } from './vm-line.ts';

export interface VmAdvice {
  readonly state: 'bad' | 'warn';
  readonly text: string;
}

export function adviceOn({ vm, node, nics }: VmLine): VmAdvice | null {
  const { reason } = stateLook(vm);
  switch (vm.State) {
    case 'LOST':
      return {
        state: 'bad',
        text: `${node} does not answer, so nobody knows how ${vm.Name} is. When ${node} is back, ${vm.Name} is shown as it is then. Its name stays taken.`,
      };
    case 'ERROR':
      return {
        state: 'bad',
        text: `${reason === '' ? 'Its QEMU failed' : reason}. Start tries again, Flush forgets it.`,
      };
    case 'PAUSED':
      if (reason !== '') return { state: 'warn', text: `It stands still: ${reason}. Fix that, then start it.` };
      break;
    case 'QUIT':
      if (reason !== '') return { state: 'warn', text: `It has ended: ${reason}. Start boots it again on its disks.` };
      break;
    case 'BUILDING':
    case 'RUNNING':
  }
  const faults = nics.filter(({ tap }) => tap !== null && tap.Fault !== '');
  if (faults.length === 0) return null;
  const which = faults.map(({ index, tap }) => `NIC ${index}: ${tap?.Fault ?? ''}`).join(', ');
  return { state: 'warn', text: `Its network is being repaired (${which}).` };
}
