'use client';
// A word more about what the pointer or the focus is on. Never the only place where something is said. What draws it is loaded
// when the first one opens; what it is about stays the element that it was.
import { cloneElement, useEffect, useRef, useState } from 'react';
import type { ComponentType, FocusEvent, PointerEvent, ReactElement, ReactNode } from 'react';
import { both } from './on-demand.ts';
import type { TooltipPopupProps } from './TooltipPopup.tsx';

export interface TooltipProps {
  content: ReactNode;
  /** One element that takes props. */
  children: ReactElement<Record<string, unknown>>;
  side?: 'top' | 'bottom' | 'left' | 'right';
}

const openDelayMs = 400;
/** So long may the pointer be between the element and the words, which it may rest on. */
const closeDelayMs = 200;
/** After one tooltip, the next opens at once. */
const nextAtOnceMs = 400;
let lastClosedAt = -Infinity;

export function Tooltip({ content, children, side = 'top' }: TooltipProps): ReactElement {
  const [anchor, setAnchor] = useState<Element | null>(null);
  const [isOpen, setIsOpen] = useState(false);
  const [Popup, setPopup] = useState<ComponentType<TooltipPopupProps> | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const openOn = (element: Element, delayMs: number): void => {
    clearTimeout(timer.current);
    const loading = import('./TooltipPopup.tsx');
    timer.current = setTimeout(() => {
      // Without its code, as when the console is gone, there is no tooltip: it is no more than a word more.
      const mine = timer.current;
      loading.then(
        ({ TooltipPopup }) => {
          if (timer.current !== mine) return;
          setPopup(() => TooltipPopup);
          setAnchor(element);
          setIsOpen(true);
        },
        () => undefined,
      );
    }, delayMs);
  };
  const close = (delayMs = 0): void => {
    clearTimeout(timer.current);
    timer.current = undefined;
    if (!isOpen) return;
    const act = (): void => {
      lastClosedAt = performance.now();
      setIsOpen(false);
    };
    if (delayMs === 0) act();
    else timer.current = setTimeout(act, delayMs);
  };
  const stay = (): void => clearTimeout(timer.current);

  const element = cloneElement(children, {
    onPointerEnter: both(children.props['onPointerEnter'], (event: PointerEvent) => {
      // A finger does not hover.
      if (event.pointerType === 'touch') return;
      if (isOpen) stay();
      else openOn(event.currentTarget, performance.now() - lastClosedAt < nextAtOnceMs ? 0 : openDelayMs);
    }),
    onPointerLeave: both(children.props['onPointerLeave'], () => close(closeDelayMs)),
    onPointerDown: both(children.props['onPointerDown'], () => close()),
    onClick: both(children.props['onClick'], () => close()),
    onFocus: both(children.props['onFocus'], (event: FocusEvent) => {
      // A click focuses too, and wants no words.
      if (event.currentTarget.matches(':focus-visible')) openOn(event.currentTarget, 0);
    }),
    onBlur: both(children.props['onBlur'], () => close()),
  });
  return (
    <>
      {element}
      {Popup === null ? null : (
        <Popup
          anchor={anchor}
          open={isOpen}
          side={side}
          onClose={() => close()}
          onPointerEnter={stay}
          onPointerLeave={() => close(closeDelayMs)}
        >
          {content}
        </Popup>
      )}
    </>
  );
}
