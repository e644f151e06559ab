// The parts of a table with the console's look. Virtual lists and sorting are the caller's.
import type { ComponentProps, ReactElement } from 'react';
import { cx } from './cx.ts';

export interface TableProps extends ComponentProps<'table'> {
  /** It fills the page, and stands where the page's title does; else in a panel. */
  isPage?: boolean;
}

export function Table({ isPage = false, className, ...props }: TableProps): ReactElement {
  return (
    <table
      {...props}
      className={cx(
        'w-full border-separate border-spacing-0 text-sm',
        isPage && 'md:[&_:is(td,th):first-child]:pl-6 md:[&_:is(td,th):last-child]:pr-6',
        className,
      )}
    />
  );
}

export interface HeaderCellProps extends ComponentProps<'th'> {
  /** Numbers stand right, with their unit in the header. */
  isNumber?: boolean;
}

export function HeaderCell({ isNumber = false, className, ...props }: HeaderCellProps): ReactElement {
  return (
    <th
      scope="col"
      {...props}
      className={cx(
        'sticky top-0 z-10 h-8 border-b bg-surface-1 px-2 text-xs font-medium whitespace-nowrap text-fg-3 first:pl-4 last:pr-4',
        isNumber ? 'text-right' : 'text-left',
        className,
      )}
    />
  );
}

export interface CellProps extends ComponentProps<'td'> {
  isNumber?: boolean;
  /** Names, addresses and versions. */
  isMono?: boolean;
}

export function Cell({ isNumber = false, isMono = false, className, ...props }: CellProps): ReactElement {
  return (
    <td
      {...props}
      className={cx(
        'h-9 border-b border-line px-2 first:pl-4 last:pr-4',
        isNumber && 'text-right numbers',
        isMono && 'font-mono',
        className,
      )}
    />
  );
}
