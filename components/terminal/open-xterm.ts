// xterm in an element of a page: loaded when it is needed, in the page's font and colours, as large as the element. Its css comes with who draws it.
import type { Terminal } from '@xterm/xterm';
import { AppError } from '../../contract/errors.ts';
import { terminalTheme } from './theme.ts';

/** For xterm to arrive from the console. */
const loadTimeoutMs = 60_000;
/** For the font; without it the cells are those of another one. */
const fontTimeoutMs = 5_000;

export interface OpenXterm {
  readonly terminal: Terminal;
  readonly dispose: () => void;
}

export interface XtermOptions {
  /** What it shows is a terminal's: it gets all keys, and says itself where a line begins. */
  readonly isShell: boolean;
  /** The element went while xterm was loading. */
  readonly isGone: () => boolean;
}

/** Null when the element has gone meanwhile. @throws AppError `timeout`, and what keeps it from being loaded */
export async function openXterm(element: HTMLElement, { isShell, isGone }: XtermOptions): Promise<OpenXterm | null> {
  const [{ Terminal }, { FitAddon }] = await loadXterm();
  await Promise.race([document.fonts.ready, wait(fontTimeoutMs)]);
  if (isGone()) return null;
  const terminal = new Terminal({
    convertEol: !isShell,
    cursorBlink: !window.matchMedia('(prefers-reduced-motion: reduce)').matches,
    fontFamily: getComputedStyle(element).fontFamily,
    fontSize: 13,
    lineHeight: 1.25,
    scrollback: 10_000,
    screenReaderMode: true,
    theme: terminalTheme(element),
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  fit.fit();
  // The page's own keys go through: Ctrl-K is the palette's, and Ctrl-C with a selection copies it.
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.type === 'keydown' && (event.ctrlKey || event.metaKey)) {
      if (event.key === 'k' && !isShell) return false;
      if (event.key === 'c' && terminal.hasSelection()) return false;
    }
    return true;
  });
  const observer = new ResizeObserver(() => {
    fit.fit();
  });
  observer.observe(element);
  const onScheme = () => {
    terminal.options.theme = terminalTheme(element);
  };
  const scheme = new MutationObserver(onScheme);
  scheme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const system = window.matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', onScheme);
  return {
    terminal,
    dispose() {
      system.removeEventListener('change', onScheme);
      scheme.disconnect();
      observer.disconnect();
      terminal.dispose();
    },
  };
}

function loadXterm() {
  return Promise.race([
    Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')]),
    wait(loadTimeoutMs).then(() => {
      throw new AppError('timeout', `the terminal's program did not arrive within ${loadTimeoutMs / 1000} s`);
    }),
  ]);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
