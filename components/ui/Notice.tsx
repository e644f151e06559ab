// A line or two that a reader must see: what is wrong or worth knowing, and what to do about it.
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';
import { StateShape } from './StateMark.tsx';
import type { State } from './StateMark.tsx';

const looks: Record<State, string> = {
  ok: 'border-ok/40 bg-ok-soft',
  busy: 'border-busy/40 bg-busy-soft',
  warn: 'border-warn/40 bg-warn-soft',
  bad: 'border-bad/40 bg-bad-soft',
  lost: 'border-line-strong bg-lost-soft',
};

export interface NoticeProps {
  state: State;
  title?: ReactNode;
  children?: ReactNode;
  /** Buttons at the end of the line. */
  action?: ReactNode;
  /** `alert` when it appears without an action of the user and must be heard at once. */
  role?: 'alert' | 'status' | 'note';
}

export function Notice({ state, title, children, action, role = 'note' }: NoticeProps): ReactElement {
  return (
    <div
      role={role}
      className={cx('flex flex-wrap items-start gap-x-3 gap-y-2 rounded-md border px-3 py-2', looks[state])}
    >
      <span className="flex h-5 items-center">
        <StateShape state={state} />
      </span>
      <div className="min-w-0 flex-1 basis-60 text-fg-1">
        {title === undefined ? null : <p className="font-medium">{title}</p>}
        {children === undefined ? null : <div className="text-fg-2">{children}</div>}
      </div>
      {action}
    </div>
  );
}
