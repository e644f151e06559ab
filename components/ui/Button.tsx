'use client';
// Buttons. A disabled one says why: give `disabledReason` and it stays focusable, explains itself, and does nothing.
import { cloneElement, type ComponentProps, type ReactElement, type ReactNode } from 'react';
import { cx } from './cx.ts';
import { inert } from './inert.ts';
import { Spinner } from './Spinner.tsx';
import { Tooltip } from './Tooltip.tsx';
import { useIsLive } from './use-is-live.ts';

export type ButtonVariant = 'primary' | 'secondary' | 'ghost' | 'danger';

const variants: Record<ButtonVariant, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-strong border-transparent',
  secondary: 'bg-surface-1 text-fg-1 border-line-strong hover:bg-surface-2',
  ghost: 'bg-transparent text-fg-2 border-transparent hover:bg-surface-2 hover:text-fg-1',
  danger: 'bg-bad text-on-bad border-transparent hover:brightness-95',
};

export interface ButtonProps extends Omit<ComponentProps<'button'>, 'disabled'> {
  variant?: ButtonVariant;
  size?: 'sm' | 'md';
  /** Icon before the text. */
  icon?: ReactNode;
  /** Renders this element instead, as `<Link href="…" />`, with the look of a button. */
  render?: ReactElement<Record<string, unknown>>;
  /** Why it cannot be used now; empty or absent: it can. */
  disabledReason?: string | undefined;
  /** It runs: a spinner, and no second click. */
  isBusy?: boolean;
}

export function Button({
  variant = 'secondary',
  size = 'md',
  icon,
  render,
  disabledReason = '',
  isBusy = false,
  className,
  children,
  ...props
}: ButtonProps): ReactElement {
  const isLive = useIsLive();
  const isDisabled = disabledReason !== '' || isBusy;
  const look = cx(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap transition-colors select-none',
    'data-disabled:cursor-not-allowed data-disabled:opacity-50',
    size === 'sm' ? 'h-7 px-2 text-sm max-md:h-9 max-md:px-3' : 'h-8 px-3 text-base max-md:h-10 max-md:px-4',
    variants[variant],
    className,
  );
  if (render && !isDisabled) {
    // A way to another page stays a link: read as one, and opened in a new tab as one.
    return cloneElement(render, { ...props, className: look }, icon, children);
  }
  const button = (
    <button type="button" {...props} {...(isDisabled ? inert : {})} disabled={!isLive} className={look}>
      {isBusy ? <Spinner /> : icon}
      {children}
    </button>
  );
  return disabledReason === '' ? button : <Tooltip content={disabledReason}>{button}</Tooltip>;
}
