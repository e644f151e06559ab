// The head of a page: its title, its state in words, and its actions.
import type { ReactElement, ReactNode } from 'react';

export interface PageHeaderProps {
  title: ReactNode;
  /** How things are, in words; polite news for a screen reader. */
  state?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, state, actions }: PageHeaderProps): ReactElement {
  return (
    <header className="flex shrink-0 flex-wrap items-center gap-x-4 gap-y-2 px-4 pt-4 pb-3 md:px-6">
      <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
      {state === undefined ? null : (
        <div className="min-w-0 flex-1 basis-60 text-fg-2" role="status">
          {state}
        </div>
      )}
      {actions === undefined ? null : <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}
