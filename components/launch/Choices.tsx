// Usual values of a field, one press each. The field beside it takes any other.
import type { ReactElement } from 'react';
import { cx } from '../ui/cx.ts';

export interface ChoicesProps {
  readonly label: string;
  readonly values: readonly string[];
  readonly chosen: string;
  readonly textOf?: (value: string) => string;
  readonly onChoose: (value: string) => void;
}

export function Choices({ label, values, chosen, textOf = (value) => value, onChoose }: ChoicesProps): ReactElement {
  return (
    <div role="group" aria-label={label} className="-mt-2 flex flex-wrap gap-1.5">
      {values.map((value) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === chosen}
          onClick={() => {
            onChoose(value);
          }}
          className={cx(
            'h-7 rounded-full border px-2.5 text-sm transition-colors max-md:h-9 max-md:px-3',
            value === chosen
              ? 'border-accent bg-accent-soft font-medium text-fg-1'
              : 'border-line-strong text-fg-2 hover:bg-surface-2 hover:text-fg-1',
          )}
        >
          {textOf(value)}
        </button>
      ))}
    </div>
  );
}
