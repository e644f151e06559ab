// A quiet label for what is not a state: a role, a kind, `head`.
import type { ReactElement, ReactNode } from 'react';

export function Badge({ children }: { children: ReactNode }): ReactElement {
  return (
    <span className="inline-flex h-5 items-center rounded-sm border border-line-strong px-1.5 text-xs whitespace-nowrap text-fg-2">
      {children}
    </span>
  );
}
