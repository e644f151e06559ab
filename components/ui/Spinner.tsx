// Something runs. With reduced motion it stands still: the word beside it says the same.
import type { ReactElement } from 'react';
import { cx } from './cx.ts';

export function Spinner({ className }: { className?: string }): ReactElement {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" className={cx('size-3.5 shrink-0 animate-turn', className)}>
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2" opacity="0.25" />
      <path d="M14 8a6 6 0 0 0-6-6" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
    </svg>
  );
}
