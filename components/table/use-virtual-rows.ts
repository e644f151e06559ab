'use client';
// Which rows of one height are seen, and where they stand.
import { useVirtualizer, type VirtualItem } from '@tanstack/react-virtual';
import { useEffect, useRef, type RefObject } from 'react';

export interface VirtualRows {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly items: readonly VirtualItem[];
  /** Pixels. */
  readonly total: number;
  readonly show: (index: number) => void;
  /** Rows that fit on the screen. */
  readonly pageSize: () => number;
}

/** `covered`: pixels at the top that a header covers. `first`: the row that must be seen when the table appears; -1 for none. */
export function useVirtualRows(
  count: number,
  { height, covered = 0, first }: { height: number; covered?: number; first: number },
): VirtualRows {
  'use no memo';
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    scrollPaddingStart: covered,
    overscan: 12,
  });
  const isShown = useRef(false);
  useEffect(() => {
    if (isShown.current || count === 0) return;
    isShown.current = true;
    if (first >= 0) virtual.scrollToIndex(first);
  }, [count, first, virtual]);
  return {
    scroller,
    items: virtual.getVirtualItems(),
    total: virtual.getTotalSize(),
    show: (index) => virtual.scrollToIndex(index),
    pageSize: () => Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 0) - covered) / height) - 1),
  };
}
