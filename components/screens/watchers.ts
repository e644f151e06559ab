// Who looks at a console, in words.
import type { ConsoleWatcher } from '../../contract/streams.ts';
import { countOf } from '../../lib/format.ts';

/** `Ann` of `Ann <ann@example.org>`. */
export function shortName(name: string): string {
  return name.replace(/ <[^<>]*>$/, '');
}

export interface Keyboard {
  /** This page has it. */
  readonly isMine: boolean;
  /** Who has it, if not this page, to begin a sentence with; empty: nobody, or this page. */
  readonly owner: string;
}

/** Of the console that this page shows. */
export function keyboardOf(watchers: readonly ConsoleWatcher[]): Keyboard {
  const you = watchers.find(({ isYou }) => isYou);
  const holder = watchers.find((each) => each.hasKeyboard && each.console === you?.console);
  if (!holder || holder.isYou) return { isMine: holder !== undefined, owner: '' };
  return { isMine: false, owner: holder.name === you?.name ? 'Another window of yours' : shortName(holder.name) };
}

/** Others, one line each: who, at which console, and whether they type there. */
export function describeOthers(watchers: readonly ConsoleWatcher[]): { summary: string; lines: string[] } {
  const others = watchers.filter(({ isYou }) => !isYou);
  const lines = others.map(({ name, console, hasKeyboard, mayInput }) =>
    [
      `${shortName(name)}, ${console}`,
      hasKeyboard ? 'has the keyboard' : mayInput ? 'looks' : 'looks, may not type',
    ].join(': '),
  );
  return { summary: others.length === 0 ? 'Nobody else looks' : `${countOf(others.length, 'other')} here`, lines };
}
