// How a VM's state is drawn and said. Pure. What may be done in which state is core/vms/states.ts.
import type { FleetVm } from '../../contract/fleet.ts';
import { safeText } from '../../core/safe-text.ts';
import type { VmState } from '../../core/vms/states.ts';
import { countOf } from '../../lib/format.ts';

export type VmTone = 'ok' | 'busy' | 'warn' | 'bad' | 'lost';

export interface VmStateLook {
  readonly state: VmState;
  readonly tone: VmTone;
  readonly word: string;
  /** Why it is so where nobody asked for it; empty otherwise. */
  readonly reason: string;
}

const words: Readonly<Record<VmState, string>> = {
  BUILDING: 'not started',
  RUNNING: 'running',
  PAUSED: 'paused',
  QUIT: 'quit',
  ERROR: 'failed',
  LOST: 'lost',
};

export function stateWord(state: VmState): string {
  return words[state];
}

/** A state that nobody asked for wants to be seen. */
export function stateLook({ State: state, Reason: reason }: Pick<FleetVm, 'State' | 'Reason'>): VmStateLook {
  return { state, tone: toneOf(state, reason !== ''), word: words[state], reason: safeText(reason) };
}

function toneOf(state: VmState, hasReason: boolean): VmTone {
  switch (state) {
    case 'RUNNING':
      return 'ok';
    case 'BUILDING':
      return 'busy';
    case 'PAUSED':
      return hasReason ? 'warn' : 'busy';
    case 'QUIT':
      return hasReason ? 'warn' : 'lost';
    case 'ERROR':
    case 'LOST':
      return 'bad';
  }
}

/** Worst first, for sorting. */
export function stateRank({ State: state, Reason: reason }: Pick<FleetVm, 'State' | 'Reason'>): number {
  const order: readonly VmState[] = ['LOST', 'ERROR', 'PAUSED', 'QUIT', 'BUILDING', 'RUNNING'];
  return 2 * order.indexOf(state) + (reason === '' ? 1 : 0);
}

export type StateCounts = ReadonlyMap<VmState, number>;

const readingOrder: readonly VmState[] = ['RUNNING', 'BUILDING', 'PAUSED', 'QUIT', 'ERROR', 'LOST'];

/** `12 running, 2 paused, 1 lost`: states that are there. */
export function describeStates(counts: StateCounts): string {
  return readingOrder
    .flatMap((state) => (counts.get(state) ? [`${counts.get(state) ?? 0} ${words[state]}`] : []))
    .join(', ');
}

export function totalOf(counts: StateCounts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

/** `12 VMs on 3 nodes; 1 lost, 2 failed`: the line of a page's head. */
export function describeVms({ states, nodes }: { readonly states: StateCounts; readonly nodes: number }): {
  tone: VmTone;
  text: string;
} {
  const total = totalOf(states);
  const of = (state: VmState) => states.get(state) ?? 0;
  const bad = (['LOST', 'ERROR'] as const).filter((state) => of(state) > 0);
  const text = `${countOf(total, 'VM')} on ${countOf(nodes, 'node')}`;
  if (bad.length > 0) {
    return { tone: 'bad', text: `${text}; ${bad.map((state) => `${of(state)} ${words[state]}`).join(', ')}` };
  }
  const running = of('RUNNING');
  if (running === total) return { tone: 'ok', text: `${text}, ${total === 1 ? '' : 'all '}running` };
  return { tone: running > 0 ? 'ok' : 'busy', text: `${text}; ${describeStates(states)}` };
}
