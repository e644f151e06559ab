// The five states: a shape and a word, never colour alone. ok: disc, busy: broken ring, warn: triangle, bad: square
// with a cross, lost: dashed ring.
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';

export type State = 'ok' | 'busy' | 'warn' | 'bad' | 'lost';

const colours: Record<State, string> = {
  ok: 'text-ok',
  busy: 'text-busy',
  warn: 'text-warn',
  bad: 'text-bad',
  lost: 'text-lost',
};

const shapes: Record<State, ReactElement> = {
  ok: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  busy: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="2" strokeDasharray="18.8 6.3" />,
  warn: <path d="M6 1.2 11.4 10.6H.6Z" fill="currentColor" />,
  bad: (
    <>
      <rect x="1" y="1" width="10" height="10" rx="2" fill="currentColor" />
      <path d="m4 4 4 4m0-4-4 4" stroke="var(--surface-1)" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  lost: <circle cx="6" cy="6" r="4.3" fill="none" stroke="currentColor" strokeWidth="1.6" strokeDasharray="2.4 2.1" />,
};

/** The shape alone; the word must stand near it. */
export function StateShape({ state, className }: { state: State; className?: string }): ReactElement {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className={cx('size-3 shrink-0', colours[state], className)}>
      {shapes[state]}
    </svg>
  );
}

export interface StateMarkProps {
  state: State;
  /** The word. */
  children: ReactNode;
  className?: string;
}

/** Shape and word in a line of text or a table cell. */
export function StateMark({ state, children, className }: StateMarkProps): ReactElement {
  return (
    <span className={cx('inline-flex items-center gap-1.5', className)}>
      <StateShape state={state} />
      <span>{children}</span>
    </span>
  );
}
