// A VM's state: a shape and a word, never colour alone. Running: disc; paused: two bars; not started: ring; quit: empty square; failed:
// square with a cross; lost: dashed ring.
import type { ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import type { VmState } from '../../core/vms/states.ts';
import { cx } from '../ui/cx.ts';
import { stateLook, type VmTone } from './vm-states.ts';

const colours: Readonly<Record<VmTone, string>> = {
  ok: 'text-ok',
  busy: 'text-busy',
  warn: 'text-warn',
  bad: 'text-bad',
  lost: 'text-lost',
};

const shapes: Readonly<Record<VmState, ReactElement>> = {
  RUNNING: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  PAUSED: <path d="M2.5 1.5h2.6v9H2.5zM6.9 1.5h2.6v9H6.9z" fill="currentColor" />,
  BUILDING: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="2" />,
  QUIT: <rect x="2" y="2" width="8" height="8" rx="1.5" fill="none" stroke="currentColor" strokeWidth="1.6" />,
  ERROR: (
    <>
      <rect x="1" y="1" width="10" height="10" rx="2" fill="currentColor" />
      <path d="m4 4 4 4m0-4-4 4" stroke="var(--surface-1)" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  LOST: <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.4 2.1" />,
};

/** The shape alone; the word must stand near it. */
export function VmStateShape({ state, tone }: { state: VmState; tone: VmTone }): ReactElement {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className={cx('size-3 shrink-0', colours[tone])}>
      {shapes[state]}
    </svg>
  );
}

/** Shape, word, and the reason where nobody asked for that state. */
export function VmStateMark({ vm }: { vm: Pick<FleetVm, 'State' | 'Reason'> }): ReactElement {
  const { state, tone, word, reason } = stateLook(vm);
  return (
    <span className="flex max-w-full min-w-0 items-center gap-1.5" title={reason === '' ? word : `${word}: ${reason}`}>
      <VmStateShape state={state} tone={tone} />
      <span className="min-w-0 truncate">
        {word}
        {reason === '' ? null : <span className={tone === 'lost' ? 'text-fg-3' : colours[tone]}>: {reason}</span>}
      </span>
    </span>
  );
}
