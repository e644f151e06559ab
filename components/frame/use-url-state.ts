'use client';
// What a page shows is in its URL: a link carries it, a reload keeps it, and graph, table and inspector read one place.
import { useSearchParams } from 'next/navigation';
import { useCallback } from 'react';

export type UrlChange = Readonly<Record<string, string | null>>;

export interface UrlState {
  /** Empty when it is not there. */
  readonly get: (key: string) => string;
  /** Null or empty removes a key. `isStep`: the back button undoes it. Nothing is loaded from the server. */
  readonly set: (change: UrlChange, options?: { readonly isStep?: boolean }) => void;
}

export function useUrlState(): UrlState {
  const params = useSearchParams();
  const get = useCallback((key: string) => params.get(key) ?? '', [params]);
  const set = useCallback((change: UrlChange, options: { readonly isStep?: boolean } = {}) => {
    // The address as it is now, not as it was rendered: two changes in one tick must not lose the first.
    const url = new URL(window.location.href);
    for (const [key, value] of Object.entries(change)) {
      if (value === null || value === '') url.searchParams.delete(key);
      else url.searchParams.set(key, value);
    }
    if (url.href === window.location.href) return;
    if (options.isStep === true) window.history.pushState(null, '', url);
    else window.history.replaceState(null, '', url);
  }, []);
  return { get, set };
}
