// A page of a component test: made before each test, and gone after it. For files with `@vitest-environment happy-dom`.
import { act, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { afterEach, beforeEach } from 'vitest';

export interface TestPage {
  /** What the components are drawn into. */
  readonly box: HTMLElement;
  readonly draw: (node: ReactNode) => void;
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
  return {
    get box() {
      return box;
    },
    draw: (node) => act(() => root.render(node)),
  };
}
