'use client';
// A Select with what it opens; loaded by it.
import { Select as Base } from '@base-ui/react/select';
import { Check, ChevronsUpDown } from 'lucide-react';
import type { ReactElement, Ref } from 'react';
import { cx } from './cx.ts';
import { popupLook, popupItemLook } from './popup-look.ts';
import { selectLook } from './select-look.ts';

export interface SelectOption<Value extends string> {
  value: Value;
  label: string;
  hint?: string;
}

export interface SelectProps<Value extends string> {
  value: Value;
  onValueChange: (value: Value) => void;
  options: readonly SelectOption<Value>[];
  name?: string;
  isMono?: boolean;
  disabled?: boolean;
  'aria-label'?: string;
  className?: string;
}

export interface SelectPopupProps<Value extends string> extends SelectProps<Value> {
  triggerRef: Ref<HTMLButtonElement>;
}

export function SelectPopup<Value extends string>({
  value,
  onValueChange,
  options,
  name,
  isMono = false,
  disabled = false,
  className,
  triggerRef,
  ...aria
}: SelectPopupProps<Value>): ReactElement {
  return (
    <Base.Root
      {...(name === undefined ? {} : { name })}
      items={options.map(({ value: itemValue, label }) => ({ value: itemValue, label }))}
      value={value}
      disabled={disabled}
      onValueChange={(next) => {
        if (next !== null) onValueChange(next);
      }}
    >
      <Base.Trigger {...aria} ref={triggerRef} className={selectLook(isMono, className)}>
        <Base.Value className="truncate" />
        <Base.Icon className="text-fg-3">
          <ChevronsUpDown aria-hidden="true" className="size-3.5" />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-50">
          <Base.Popup className={cx(popupLook, 'max-h-(--available-height) min-w-(--anchor-width) scroller')}>
            {options.map((option) => (
              <Base.Item key={option.value} value={option.value} className={popupItemLook}>
                <span className="w-4">
                  <Base.ItemIndicator>
                    <Check aria-hidden="true" className="size-4 text-accent" />
                  </Base.ItemIndicator>
                </span>
                <span className="min-w-0">
                  <Base.ItemText className={isMono ? 'font-mono text-sm' : ''}>{option.label}</Base.ItemText>
                  {option.hint === undefined ? null : <span className="block text-sm text-fg-3">{option.hint}</span>}
                </span>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
