'use client';
// Text that was typed into the server's page before its scripts ran. React keeps it on the screen and knows nothing of it:
// the next thing that is drawn would wipe it out.
import { useLayoutEffect, useRef, type RefObject } from 'react';

/** A ref for a field that shows `value`: when the page goes live, what stands in the field is handed to its `onChange`. */
export function useTypedEarly<Element extends HTMLInputElement | HTMLTextAreaElement>(
  value: unknown,
): RefObject<Element | null> {
  const field = useRef<Element>(null);
  const rendered = useRef(value);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element || typeof rendered.current !== 'string') return;
    const typed = element.value;
    if (typed === rendered.current) return;
    // React ignores an event that leaves a field as React last saw it. It watches the element's own setter, so the typed text
    // comes back by the prototype's.
    element.value = rendered.current;
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), 'value')?.set?.call(element, typed);
    element.dispatchEvent(new Event('input', { bubbles: true }));
  }, []);
  return field;
}
