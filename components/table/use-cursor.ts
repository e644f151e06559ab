'use client';
// The selected row, moved by keys. The table shows at once where it is; who listens hears it when the keys rest, since a held arrow key
// would change the address thirty times a second, which browsers do not take.
import { useCallback, useEffect, useRef, useState } from 'react';

const restMs = 120;

export interface Cursor {
  /** Key of the row that is shown as selected; empty: none. */
  readonly at: string;
  /** A click: heard at once. The same function at each rendering. */
  readonly put: (key: string | null) => void;
  /** A key: heard when the keys rest. */
  readonly move: (key: string) => void;
}

export function useCursor(selected: string, onSelect: (key: string | null) => void): Cursor {
  const [moved, setMoved] = useState<{ from: string; at: string } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const listener = useRef(onSelect);
  useEffect(() => {
    listener.current = onSelect;
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  // What was selected meanwhile, by a link or by Escape, is more than what the keys said before.
  const at = moved?.from === selected ? moved.at : selected;
  const put = useCallback((key: string | null) => {
    clearTimeout(timer.current);
    setMoved(null);
    listener.current(key);
  }, []);
  const move = (key: string): void => {
    clearTimeout(timer.current);
    setMoved({ from: selected, at: key });
    timer.current = setTimeout(() => listener.current(key), restMs);
  };
  return { at, put, move };
}
