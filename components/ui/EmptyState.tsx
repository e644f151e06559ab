// A page or panel with nothing on it yet: what it will show, and the one button that gets there.
import type { ReactElement, ReactNode } from 'react';

export interface EmptyStateProps {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ icon, title, children, action }: EmptyStateProps): ReactElement {
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-3 px-6 py-16 text-center">
      {icon === undefined ? null : (
        <span aria-hidden="true" className="text-fg-3 [&_svg]:size-8 [&_svg]:stroke-[1.25]">
          {icon}
        </span>
      )}
      <h2 className="text-lg font-semibold">{title}</h2>
      {children === undefined ? null : <div className="max-w-110 text-fg-2">{children}</div>}
      {action}
    </div>
  );
}
