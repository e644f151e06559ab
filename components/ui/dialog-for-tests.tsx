// A window that stands where it is drawn, in place of one over the page: tests find what is in it as a part of the page.
import type { ReactElement, ReactNode } from 'react';

interface DialogProps {
  readonly open: boolean;
  readonly footer: ReactNode;
  readonly children: ReactNode;
}

export function Dialog({ open, footer, children }: DialogProps): ReactElement | null {
  if (!open) return null;
  return (
    <div role="dialog">
      {children}
      {footer}
    </div>
  );
}
