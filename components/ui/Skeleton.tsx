// The place of something that is loading; shows only when that takes longer than 300 ms.
import type { ReactElement } from 'react';
import { cx } from './cx.ts';

export function Skeleton({ className }: { className?: string }): ReactElement {
  return (
    <span aria-hidden="true" className={cx('block animate-late rounded-sm', className)}>
      <span className="block size-full min-h-4 animate-breathe rounded-sm bg-surface-3" />
    </span>
  );
}

/** Lines of a table or a list that is on its way. */
export function SkeletonRows({ count = 6, label }: { count?: number; label: string }): ReactElement {
  return (
    <div role="status" aria-label={label} className="flex flex-col gap-3 p-4">
      {Array.from({ length: count }, (_, index) => (
        <Skeleton key={index} className={index % 3 === 0 ? 'w-3/5' : index % 3 === 1 ? 'w-4/5' : 'w-2/5'} />
      ))}
    </div>
  );
}
