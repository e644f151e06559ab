// A dot for each VM of a node, whose shape says how far it is. The words beside it say the same.
import type { ReactElement } from 'react';
import type { Dot, DotState } from './progress.ts';

/** Beyond this the dots of one node say no more than their number. */
const maxDots = 400;

export const dotWords: Readonly<Record<DotState, string>> = {
  running: 'running',
  paused: 'launched',
  making: 'being made',
  waiting: 'waiting',
  failed: 'failed',
  lost: 'lost',
  gone: 'ended',
};

const shapes: Readonly<Record<DotState, ReactElement>> = {
  waiting: <circle cx="6" cy="6" r="3" fill="none" stroke="var(--line-strong)" strokeWidth="1.5" />,
  making: (
    <circle
      cx="6"
      cy="6"
      r="4"
      fill="none"
      stroke="var(--busy)"
      strokeWidth="2"
      strokeDasharray="18.8 6.3"
      className="origin-center animate-turn motion-reduce:animate-none"
    />
  ),
  paused: (
    <>
      <circle cx="6" cy="6" r="4.3" fill="none" stroke="var(--accent)" strokeWidth="1.5" />
      <path d="M6 1.7a4.3 4.3 0 0 0 0 8.6Z" fill="var(--accent)" />
    </>
  ),
  running: <circle cx="6" cy="6" r="4.7" fill="var(--ok)" />,
  failed: (
    <>
      <rect x="1" y="1" width="10" height="10" rx="2" fill="var(--bad)" />
      <path d="m4 4 4 4m0-4-4 4" stroke="var(--surface-1)" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  lost: <circle cx="6" cy="6" r="4.3" fill="none" stroke="var(--lost)" strokeWidth="1.6" strokeDasharray="2.4 2.1" />,
  gone: <path d="M3 6h6" stroke="var(--lost)" strokeWidth="1.6" strokeLinecap="round" />,
};

export function VmDot({ state }: { state: DotState }): ReactElement {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className="size-3 shrink-0">
      {shapes[state]}
    </svg>
  );
}

export function VmDots({ dots }: { dots: readonly Dot[] }): ReactElement {
  return (
    <span aria-hidden="true" className="flex flex-wrap gap-1">
      {dots.slice(0, maxDots).map(({ name, state, why }) => (
        <span key={name} title={why === '' ? `${name}: ${dotWords[state]}` : `${name}: ${why}`} className="flex">
          <VmDot state={state} />
        </span>
      ))}
      {dots.length > maxDots ? <span className="text-xs text-fg-3">and {dots.length - maxDots} more</span> : null}
    </span>
  );
}
