// How many VMs are in which state, of rows as the fleet has them. Pure.
import type { FleetVm } from '../../contract/fleet.ts';
import type { VmState } from '../../core/vms/states.ts';
import type { StateCounts } from './vm-states.ts';

export function countStates(vms: Iterable<Pick<FleetVm, 'State'>>): StateCounts {
  const counts = new Map<VmState, number>();
  for (const { State: state } of vms) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}
