// Facts of a VLAN in words. Pure.
import type { FleetVm } from '../../contract/fleet.ts';
import type { VmState } from '../../core/vms/states.ts';
import type { State } from '../ui/StateMark.tsx';
import type { MapNode, MapVlan } from './vlan-view.ts';

/** Name of the node that decides on the number; a dash while it is not known. */
export function describeVlanOwner({ nodes }: { nodes: readonly MapNode[] }, { owner }: Pick<MapVlan, 'owner'>): string {
  return nodes.find(({ id }) => id === owner)?.name ?? '–';
}

/** States of VMs as shapes and words; with a reason beside it, PAUSED is not what somebody wanted. */
export function vmStateLook({ State: of, Reason: reason }: Pick<FleetVm, 'State' | 'Reason'>): {
  state: State;
  word: string;
} {
  return of === 'PAUSED' && reason !== '' ? { state: 'warn', word: 'paused' } : vmStateLooks[of];
}

const vmStateLooks: Readonly<Record<VmState, { state: State; word: string }>> = {
  RUNNING: { state: 'ok', word: 'running' },
  PAUSED: { state: 'busy', word: 'paused' },
  BUILDING: { state: 'busy', word: 'not started' },
  QUIT: { state: 'lost', word: 'quit' },
  ERROR: { state: 'bad', word: 'failed' },
  LOST: { state: 'bad', word: 'lost' },
};
