// What a console says when it shows nothing new: why, and what brings it back.
import type { FleetVm } from '../../contract/fleet.ts';
import type { ConsoleLink } from '../../lib/console-stream.ts';
import type { State } from '../ui/StateMark.tsx';
import { stateLook } from '../vms/vm-states.ts';
import { hasScreen } from './vm-words.ts';

export interface ConsoleNotice {
  readonly state: State;
  readonly text: string;
  /** `retry`: at once. `start`: the VM. */
  readonly action: 'retry' | 'start' | null;
}

export interface ConsoleFacts {
  readonly link: ConsoleLink;
  /** Name of the VM's node. */
  readonly node: string;
  /** A serial port that is asked for, and that the VM has not. */
  readonly lackingPort: number | null;
  /** This browser's clock. */
  readonly now: number;
}

/** Null while it is open, or on its way to be. */
export function consoleNotice(
  vm: Pick<FleetVm, 'Name' | 'State' | 'Reason' | 'SerialPorts'>,
  { link, node, lackingPort, now }: ConsoleFacts,
): ConsoleNotice | null {
  const { Name: name, State: state, Reason: reason, SerialPorts: ports } = vm;
  if (state === 'LOST') {
    return { state: 'lost', text: `${node} does not answer. The console comes back with it.`, action: null };
  }
  if (!hasScreen(vm)) {
    const why = reason === '' ? '' : `: ${reason}`;
    const text = `${name} is ${state}${why}. It has no console until it is started.`;
    return { state: stateLook(vm).tone, text, action: 'start' };
  }
  if (lackingPort !== null) {
    const text =
      ports === 0
        ? `${name} has no serial port. With vm config serial-ports 1, before its launch, it has one.`
        : `${name} has no serial port ${lackingPort}: it has ${ports}, counted from 0.`;
    return { state: 'warn', text, action: null };
  }
  if (link.at !== 'waiting') return null;
  const seconds = Math.max(0, Math.ceil((link.retryAt - now) / 1_000));
  return { state: 'warn', text: `${link.reason.replace(/\.$/, '')}. Next try in ${seconds} s.`, action: 'retry' };
}
