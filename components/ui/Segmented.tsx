'use client';
// A choice of two to four, all visible: view switches and filters.
import type { ReactElement, ReactNode } from 'react';
import { cx } from './cx.ts';

export interface SegmentedProps<Value extends string> {
  label: string;
  value: Value;
  onValueChange: (value: Value) => void;
  options: readonly { value: Value; label: string; icon?: ReactNode }[];
}

export function Segmented<Value extends string>(props: SegmentedProps<Value>): ReactElement {
  const { label, value, onValueChange, options } = props;
  return (
    <div
      role="group"
      aria-label={label}
      className="flex shrink-0 rounded-md border border-line-strong bg-surface-1 p-0.5"
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          onClick={() => onValueChange(option.value)}
          className={cx(
            'inline-flex h-6.5 items-center gap-1.5 rounded-sm px-2 text-sm font-medium transition-colors max-md:h-8.5 [&_svg]:size-4',
            option.value === value ? 'bg-surface-3 text-fg-1' : 'text-fg-2 hover:text-fg-1',
          )}
        >
          {option.icon}
          {option.label}
        </button>
      ))}
    </div>
  );
}
