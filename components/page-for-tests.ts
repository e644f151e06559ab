// A page of a component test: made before each test, and gone after it. For files with `@vitest-environment happy-dom`.
import { act, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach, vi } from 'vitest';

export interface TestPage {
  /** What the components are drawn into. */
  readonly box: HTMLElement;
  readonly draw: (node: ReactNode) => void;
  /** A labelled field: its label, its input, and its error or hint. @throws when it is not there */
  readonly field: (label: string) => HTMLElement;
  readonly type: (label: string, text: string) => void;
  /** @throws when there is no such button */
  readonly press: (button: string) => void;
  /** Lets the page work until the check passes. */
  readonly until: (check: () => void) => Promise<void>;
}

/** Called once in a test file, outside of its tests; the page is of the test that runs. */
export function pageForTests(): TestPage {
  let box: HTMLElement;
  let root: ReturnType<typeof createRoot>;
  beforeEach(() => {
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
    box = document.body.appendChild(document.createElement('div'));
    root = createRoot(box);
  });
  afterEach(() => {
    act(() => root.unmount());
    box.remove();
  });
  const field = (label: string): HTMLElement => {
    const found = [...box.querySelectorAll('label')].find(({ textContent }) => textContent === label)?.parentElement;
    if (!found) throw new Error(`no field ${label}`);
    return found;
  };
  return {
    get box() {
      return box;
    },
    draw: (node) => act(() => root.render(node)),
    field,
    type: (label, text) =>
      act(() => {
        const input = field(label).querySelector('input');
        // React notices a value only when the element's own setter sets it.
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(input, text);
        input?.dispatchEvent(new Event('input', { bubbles: true }));
      }),
    press: (name) =>
      act(() => {
        const button = [...box.querySelectorAll('button')].find(({ textContent }) => textContent === name);
        if (!button) throw new Error(`no button ${name}`);
        button.click();
      }),
    until: (check) =>
      vi.waitFor(
        async () => {
          await act(() => new Promise<void>((resolve) => setTimeout(resolve, 50)));
          check();
        },
        // Between two turns nothing may happen: React warns of what happens outside of one.
        { timeout: 60_000, interval: 1 },
      ),
  };
}
