'use client';
// Namespaces above the map: the pointer or the focus on one brushes its rows, a click shows these alone.
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';
import { Select } from '../ui/Select.tsx';
import type { NamespaceChoice } from './vlan-choice.ts';

export interface NamespaceChipsProps {
  choices: readonly NamespaceChoice[];
  /** Empty: all. */
  value: string;
  onValueChange: (value: string) => void;
  onBrush: (value: string | null) => void;
  /** A list to choose from takes less room. */
  isCompact: boolean;
}

/** More of them than these are a list to choose from. */
const maxChips = 8;

export function NamespaceChips(props: NamespaceChipsProps): ReactElement | null {
  const { choices, value, onValueChange, onBrush, isCompact } = props;
  if (choices.length < 2 && value === '') return null;
  if (isCompact || choices.length > maxChips) {
    const options = choices.map(({ value: of, label, count }) => ({ value: of, label: `${label} (${count})` }));
    return (
      <Select
        aria-label="Namespace"
        className="max-w-44"
        value={value}
        onValueChange={onValueChange}
        options={[{ value: '', label: 'All namespaces' }, ...options]}
      />
    );
  }
  return (
    <div role="group" aria-label="Namespaces" className="flex min-w-0 flex-wrap items-center gap-1">
      {choices.map(({ value: of, label, count }) => {
        const isChosen = of === value;
        return (
          <button
            key={of}
            type="button"
            aria-pressed={isChosen}
            onClick={() => {
              onBrush(null);
              onValueChange(isChosen ? '' : of);
            }}
            onPointerEnter={(event) => {
              if (event.pointerType !== 'touch') onBrush(of);
            }}
            onPointerLeave={() => onBrush(null)}
            onFocus={(event) => {
              if (event.currentTarget.matches(':focus-visible')) onBrush(of);
            }}
            onBlur={() => onBrush(null)}
            className={cx(
              'inline-flex h-7 max-w-48 items-center gap-1.5 rounded-full border px-2.5 text-sm transition-colors max-md:h-9',
              isChosen
                ? 'border-accent bg-accent-soft text-fg-1'
                : 'border-line-strong bg-surface-1 text-fg-2 hover:text-fg-1',
            )}
          >
            <span className="truncate">{label}</span>
            <span className="text-fg-3 numbers">{count}</span>
          </button>
        );
      })}
    </div>
  );
}
