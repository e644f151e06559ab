'use client';
// What is loaded when it is about to be used. Until then a button is a plain one that says what it opens; then it is drawn again
// by what was loaded, and used for the reader.
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

/** @param isNow loads without a button: a popup that a form needs to know of, or one that is open; `onFailure`: hears that this failed */
export function useOnDemand<Module>(
  part: OnDemand<Module>,
  isNow = false,
  onFailure: () => void = () => undefined,
): DemandedButton<Module> {
  const [loaded, setLoaded] = useState(() => part.known);
  const button = useRef<HTMLButtonElement>(null);
  const isWanted = useRef(false);
  const isMissing = loaded === null;
  const take = (): Promise<void> => part.load().then((module) => setLoaded(() => module));
  useEffect(() => {
    if (isNow && isMissing) take().catch(onFailure);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each wish
  }, [isNow, isMissing, part]);
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
    take().catch(() => undefined);
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
