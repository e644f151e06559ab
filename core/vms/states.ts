// What a VM is, and what may be done to it then: one table for commands, console and docs [facts 5.8]. LOST, and a reason beside
// PAUSED, QUIT and ERROR, are ours.

export const vmStates = ['BUILDING', 'RUNNING', 'PAUSED', 'QUIT', 'ERROR', 'LOST'] as const;
export type VmState = (typeof vmStates)[number];

/** minimega's numbers in `vm info`'s Data [facts 1.6]. LOST has none there: 32, the next bit. */
export const stateNumbers: Readonly<Record<VmState, number>> = {
  BUILDING: 1,
  RUNNING: 2,
  PAUSED: 4,
  QUIT: 8,
  ERROR: 16,
  LOST: 32,
};

export const vmActions = [
  'start',
  'stop',
  'kill',
  'flush',
  'shutdown',
  'reboot',
  'screenshot',
  'qmp',
  'cdrom',
  'hotplug',
  'net add',
  'net connect',
  'net disconnect',
  'net bond',
  'tag',
  'save',
] as const;
export type VmAction = (typeof vmActions)[number];

/**
 * What an action does to a VM in a state. `to`: it is in that state afterwards, or gone. `works`: the state stays. `skip`: nothing is done;
 * the text goes to who named this one VM, and to nobody who named several, as in minimega. `refuse`: the text is always given.
 */
export type Outcome =
  | { readonly is: 'to'; readonly state: VmState | 'gone' }
  | { readonly is: 'works' }
  | { readonly is: 'skip' | 'refuse'; readonly because: 'state' | 'running' | 'not-running' | 'lost' };

const to = (state: VmState | 'gone'): Outcome => ({ is: 'to', state });
const works: Outcome = { is: 'works' };
const wrongState: Outcome = { is: 'skip', because: 'state' };
const notRunning: Outcome = { is: 'skip', because: 'not-running' };
const lost: Outcome = { is: 'refuse', because: 'lost' };

type Row = Readonly<Record<Exclude<VmState, 'LOST'>, Outcome>>;
const whileQemuRuns: Row = { BUILDING: works, RUNNING: works, PAUSED: works, QUIT: notRunning, ERROR: notRunning };
const always: Row = { BUILDING: works, RUNNING: works, PAUSED: works, QUIT: works, ERROR: works };

const table: Readonly<Record<VmAction, Row>> = {
  start: {
    BUILDING: to('RUNNING'),
    RUNNING: { is: 'skip', because: 'running' },
    PAUSED: to('RUNNING'),
    QUIT: to('RUNNING'),
    ERROR: to('RUNNING'),
  },
  stop: { BUILDING: wrongState, RUNNING: to('PAUSED'), PAUSED: wrongState, QUIT: wrongState, ERROR: wrongState },
  kill: { BUILDING: to('QUIT'), RUNNING: to('QUIT'), PAUSED: to('QUIT'), QUIT: wrongState, ERROR: wrongState },
  flush: { BUILDING: wrongState, RUNNING: wrongState, PAUSED: wrongState, QUIT: to('gone'), ERROR: to('gone') },
  // A guest whose processors stand still does not see the power button.
  shutdown: { BUILDING: wrongState, RUNNING: to('QUIT'), PAUSED: wrongState, QUIT: wrongState, ERROR: wrongState },
  reboot: { BUILDING: wrongState, RUNNING: works, PAUSED: wrongState, QUIT: wrongState, ERROR: wrongState },
  screenshot: whileQemuRuns,
  qmp: whileQemuRuns,
  cdrom: whileQemuRuns,
  hotplug: whileQemuRuns,
  'net add': whileQemuRuns,
  'net connect': whileQemuRuns,
  'net disconnect': whileQemuRuns,
  'net bond': whileQemuRuns,
  tag: always,
  save: whileQemuRuns,
};

/** What `action` does to a VM in `state`. With `start all`, VMs that have quit or failed stay as they are, as in minimega [facts 5.8]. */
export function outcomeOf(action: VmAction, state: VmState, target: 'named' | 'all' = 'named'): Outcome {
  if (state === 'LOST') return lost;
  if (action === 'start' && target === 'all' && (state === 'QUIT' || state === 'ERROR')) return wrongState;
  return table[action][state];
}

/** The text of a skip or a refusal; minimega's where it has one [facts 5.8, obs]. */
export function describeRefusal(
  outcome: Extract<Outcome, { is: 'skip' | 'refuse' }>,
  vm: { readonly id: number; readonly name: string; readonly host: string },
): string {
  switch (outcome.because) {
    case 'running':
      return 'vm is already running';
    case 'state':
      return `VM state error: ${vm.name}`;
    case 'not-running':
      return `vm not running: ${vm.id}`;
    case 'lost':
      return (
        `${vm.name} is lost: its node ${vm.host} does not answer. It can be used again, as found, when ${vm.host} is back; ` +
        'until then, launch its config under another name'
      );
  }
}
