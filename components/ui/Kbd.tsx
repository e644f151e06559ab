import type { ReactElement, ReactNode } from 'react';

/** A key to press. */
export function Kbd({ children }: { children: ReactNode }): ReactElement {
  return (
    <kbd className="inline-flex h-5 min-w-5 items-center justify-center rounded-sm border border-line bg-surface-2 px-1 font-sans text-xs text-fg-3">
      {children}
    </kbd>
  );
}
