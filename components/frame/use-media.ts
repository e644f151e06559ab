'use client';
// Whether a media query holds; false on the server and in the first paint.
import { useCallback, useSyncExternalStore } from 'react';

export const wideScreen = '(width >= 64rem)';
export const phoneScreen = '(width < 48rem)';
export const reducedMotion = '(prefers-reduced-motion: reduce)';

export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    [query],
  );
  return useSyncExternalStore(
    subscribe,
    () => window.matchMedia(query).matches,
    () => false,
  );
}
