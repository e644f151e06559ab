// A titled box of a page.
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';

export interface PanelProps {
  title?: ReactNode;
  /** At the end of the title line. */
  actions?: ReactNode;
  className?: string;
  /** Without inner space: for tables and lists. */
  isFlush?: boolean;
  children: ReactNode;
}

export function Panel({ title, actions, className, isFlush = false, children }: PanelProps): ReactElement {
  return (
    <section className={cx('flex min-w-0 flex-col rounded-md border bg-surface-1', className)}>
      {title === undefined && actions === undefined ? null : (
        <header className="flex min-h-10 flex-wrap items-center gap-2 border-b px-4 py-1.5">
          <h2 className="min-w-0 flex-1 basis-32 text-base font-semibold">{title}</h2>
          {actions}
        </header>
      )}
      <div className={cx('min-h-0 flex-1', !isFlush && 'p-4')}>{children}</div>
    </section>
  );
}
