'use client';
// A button whose popup is loaded when it is about to be used. Until then it is a plain button that says what it opens; then
// it is drawn again by what was loaded, and used for the reader.
import { useEffect, useRef, useState } from 'react';
import type { KeyboardEvent, MouseEvent, RefObject, SyntheticEvent } from 'react';

export interface OnDemand<Module> {
  /** What was loaded already, by any such button. */
  known: Module | null;
  readonly load: () => Promise<Module>;
}

export function onDemand<Module>(load: () => Promise<Module>): OnDemand<Module> {
  const part: OnDemand<Module> = {
    known: null,
    load: async () => (part.known ??= await load()),
  };
  return part;
}

export interface DemandedButton<Module> {
  /** Null until it is there. */
  readonly loaded: Module | null;
  /** For the button that was loaded. */
  readonly button: RefObject<HTMLButtonElement | null>;
  /** Handlers for the plain button, added to those it has. */
  readonly handlers: (own: Readonly<Record<string, unknown>>) => Record<string, (event: never) => void>;
}

/** @param isAtOnce loads when it is mounted: a popup that a form needs to know of */
export function useOnDemand<Module>(part: OnDemand<Module>, isAtOnce = false): DemandedButton<Module> {
  const [loaded, setLoaded] = useState(() => part.known);
  const button = useRef<HTMLButtonElement>(null);
  const isWanted = useRef(false);
  const isMissing = loaded === null;
  useEffect(() => {
    if (isAtOnce && isMissing) part.load().then(setLoaded, () => undefined);
  }, [isAtOnce, isMissing, part]);
  useEffect(() => {
    if (isMissing || !isWanted.current) return;
    isWanted.current = false;
    button.current?.focus();
    button.current?.click();
  }, [isMissing]);
  // Should loading fail, since the console is gone, the next use tries again.
  const preload = (): void => void part.load().catch(() => undefined);
  const open = (): void => {
    isWanted.current = true;
    part.load().then(setLoaded, () => undefined);
  };
  return {
    loaded,
    button,
    handlers: (own) => ({
      onPointerEnter: both(own['onPointerEnter'], preload),
      onFocus: both(own['onFocus'], preload),
      onClick: both(own['onClick'], (event: MouseEvent) => {
        if (!event.defaultPrevented) open();
      }),
      onKeyDown: both(own['onKeyDown'], (event: KeyboardEvent) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
        event.preventDefault();
        open();
      }),
    }),
  };
}

/** An element's own handler and then another. */
export function both<Event extends SyntheticEvent>(own: unknown, act: (event: Event) => void): (event: Event) => void {
  return (event) => {
    if (typeof own === 'function') (own as (event: Event) => void)(event);
    act(event);
  };
}
