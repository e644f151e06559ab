'use client';
// A button that is only an icon: its name is its tooltip and what a screen reader says.
import type { ComponentProps, ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';
import { inert } from './inert.ts';
import { Tooltip } from './Tooltip.tsx';
import { useIsLive } from './use-is-live.ts';

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'disabled' | 'children'> {
  label: string;
  icon: ReactNode;
  /** For buttons that stay pressed, such as a switched view. */
  isPressed?: boolean;
  disabledReason?: string | undefined;
}

export function IconButton({
  label,
  icon,
  isPressed,
  disabledReason = '',
  className,
  ...props
}: IconButtonProps): ReactElement {
  const isLive = useIsLive();
  return (
    <Tooltip content={disabledReason === '' ? label : `${label}: ${disabledReason}`}>
      <button
        type="button"
        aria-label={label}
        {...(isPressed === undefined ? {} : { 'aria-pressed': isPressed })}
        {...props}
        {...(disabledReason === '' ? {} : inert)}
        disabled={!isLive}
        className={cx(
          'inline-flex size-8 shrink-0 items-center justify-center rounded-md transition-colors max-md:size-10 [&_svg]:size-4',
          'data-disabled:cursor-not-allowed data-disabled:opacity-50',
          isPressed === true ? 'bg-accent-soft text-accent' : 'text-fg-2 hover:bg-surface-2 hover:text-fg-1',
          className,
        )}
      >
        {icon}
      </button>
    </Tooltip>
  );
}
