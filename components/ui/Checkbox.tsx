'use client';
// A box to tick, with its words beside it. Without `label` give `aria-label`.
import { Checkbox as Base } from '@base-ui/react/checkbox';
import { Check, Minus } from 'lucide-react';
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';
import { useIsLive } from './use-is-live.ts';

export interface CheckboxProps {
  checked: boolean;
  onCheckedChange: (checked: boolean) => void;
  /** Some of what it stands for is ticked. */
  isMixed?: boolean;
  label?: ReactNode;
  hint?: ReactNode;
  name?: string;
  disabled?: boolean;
  'aria-label'?: string;
  className?: string;
}

export function Checkbox({
  checked,
  onCheckedChange,
  isMixed = false,
  label,
  hint,
  name,
  disabled = false,
  className,
  ...aria
}: CheckboxProps): ReactElement {
  const isLive = useIsLive();
  const box = (
    <Base.Root
      {...aria}
      {...(name === undefined ? {} : { name })}
      checked={checked}
      indeterminate={isMixed}
      disabled={disabled || !isLive}
      onCheckedChange={(next) => onCheckedChange(next)}
      className={cx(
        'flex size-4 shrink-0 items-center justify-center rounded-sm border border-line-strong bg-surface-1 transition-colors',
        'data-checked:border-accent data-checked:bg-accent data-indeterminate:border-accent data-indeterminate:bg-accent',
        disabled && 'opacity-50',
        label === undefined && className,
      )}
    >
      <Base.Indicator className="text-on-accent [&_svg]:size-3">
        {isMixed ? <Minus aria-hidden="true" strokeWidth={3} /> : <Check aria-hidden="true" strokeWidth={3} />}
      </Base.Indicator>
    </Base.Root>
  );
  if (label === undefined) return box;
  return (
    <label className={cx('flex items-start gap-2 text-base', className)}>
      <span className="flex h-5 items-center">{box}</span>
      <span className="min-w-0">
        {label}
        {hint === undefined ? null : <span className="block text-sm text-fg-3">{hint}</span>}
      </span>
    </label>
  );
}
