'use client';
// One of several. Inside a Field it is labelled by it; elsewhere give `aria-label`. What opens is loaded on demand.
import { ChevronsUpDown } from 'lucide-react';
import { useContext } from 'react';
import type { ReactElement } from 'react';
import { IsInField } from './is-in-field.ts';
import { onDemand, useOnDemand } from './on-demand.ts';
import type { SelectProps } from './SelectPopup.tsx';
import { selectLook } from './select-look.ts';

const popup = onDemand(() => import('./SelectPopup.tsx'));

export function Select<Value extends string>(props: SelectProps<Value>): ReactElement {
  // A field tells its control what it is called and what is wrong with it.
  const isInField = useContext(IsInField);
  const { loaded, button, handlers } = useOnDemand(popup, isInField);
  if (loaded !== null) return <loaded.SelectPopup {...props} triggerRef={button} />;
  const { value, options, isMono = false, disabled = false, className } = props;
  return (
    <button
      type="button"
      role="combobox"
      aria-haspopup="listbox"
      aria-expanded={false}
      aria-label={props['aria-label']}
      disabled={disabled}
      className={selectLook(isMono, className)}
      {...handlers({})}
    >
      <span className="truncate">{options.find((option) => option.value === value)?.label}</span>
      <ChevronsUpDown aria-hidden="true" className="size-3.5 text-fg-3" />
    </button>
  );
}
