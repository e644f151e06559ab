'use client';
// What a Menu opens, with its button; loaded by it.
import { Menu as Base } from '@base-ui/react/menu';
import { Check } from 'lucide-react';
import type { ReactElement, ReactNode, Ref } from 'react';
import { cx } from './cx.ts';
import { popupItemLook, popupLook } from './popup-look.ts';

export interface MenuProps {
  /** The button that opens it: an element that takes a ref and props. */
  trigger: ReactElement<Record<string, unknown>>;
  align?: 'start' | 'center' | 'end';
  children: ReactNode;
}

export interface MenuPopupProps extends Required<MenuProps> {
  triggerRef: Ref<HTMLButtonElement>;
}

export interface MenuItemProps {
  icon?: ReactNode;
  onSelect?: () => void;
  /** A link instead of an action: `<Link href="…" />`. */
  render?: ReactElement<Record<string, unknown>>;
  isDanger?: boolean;
  disabledReason?: string | undefined;
  children: ReactNode;
}

export interface MenuChoiceProps<Value extends string> {
  label: string;
  value: Value;
  onValueChange: (value: Value) => void;
  options: readonly { value: Value; label: string; detail?: ReactNode }[];
}

export function MenuPopup({ trigger, triggerRef, align, children }: MenuPopupProps): ReactElement {
  return (
    <Base.Root>
      <Base.Trigger ref={triggerRef} render={trigger} />
      <Base.Portal>
        <Base.Positioner align={align} sideOffset={4} className="z-50">
          <Base.Popup className={cx(popupLook, 'max-h-(--available-height) max-w-96 min-w-44 scroller')}>
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function LoadedItem({
  icon,
  onSelect,
  render,
  isDanger = false,
  disabledReason = '',
  children,
}: MenuItemProps): ReactElement {
  const className = cx(popupItemLook, isDanger && 'text-bad', '[&_svg]:size-4 [&_svg]:shrink-0');
  const content = (
    <>
      {icon}
      <span className="min-w-0 flex-1">
        {children}
        {disabledReason === '' ? null : <span className="block text-sm text-fg-3">{disabledReason}</span>}
      </span>
    </>
  );
  if (render) {
    return (
      <Base.LinkItem render={render} closeOnClick className={className}>
        {content}
      </Base.LinkItem>
    );
  }
  return (
    <Base.Item disabled={disabledReason !== ''} onClick={() => onSelect?.()} className={className}>
      {content}
    </Base.Item>
  );
}

export function LoadedChoice<Value extends string>({
  label,
  value,
  onValueChange,
  options,
}: MenuChoiceProps<Value>): ReactElement {
  return (
    <Base.RadioGroup value={value} onValueChange={(next: Value) => onValueChange(next)}>
      <Base.Group>
        <Base.GroupLabel className="px-2 pt-1.5 pb-1 text-xs text-fg-3">{label}</Base.GroupLabel>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} closeOnClick className={popupItemLook}>
            <span className="w-4">
              <Base.RadioItemIndicator>
                <Check aria-hidden="true" className="size-4 text-accent" />
              </Base.RadioItemIndicator>
            </span>
            <span className="min-w-0 flex-1">{option.label}</span>
            {option.detail}
          </Base.RadioItem>
        ))}
      </Base.Group>
    </Base.RadioGroup>
  );
}
