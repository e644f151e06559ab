'use client';
// The whole display for one part of a page. The document goes full screen and that part covers it, so that menus and dialogs, which hang on the
// document, stay above it.
import { useEffect, useState } from 'react';

/** Chromium: keys that the system keeps, such as Alt-Tab and Esc, come to the page while it has the whole display. */
interface KeyboardLock {
  readonly lock?: () => Promise<void>;
}

export function useFullScreen(): { readonly isFull: boolean; readonly toggle: () => void } {
  const [isFull, setIsFull] = useState(false);
  useEffect(() => {
    const onChange = () => setIsFull(document.fullscreenElement !== null);
    document.addEventListener('fullscreenchange', onChange);
    return () => {
      document.removeEventListener('fullscreenchange', onChange);
      if (document.fullscreenElement) void document.exitFullscreen();
    };
  }, []);
  const toggle = () => {
    if (document.fullscreenElement) {
      void document.exitFullscreen();
      return;
    }
    const { keyboard } = navigator as Navigator & { readonly keyboard?: KeyboardLock };
    document.documentElement.requestFullscreen().then(
      () => keyboard?.lock?.().catch(() => undefined),
      // The browser has its reasons, such as a setting: the page stays as it is.
      () => undefined,
    );
  };
  return { isFull, toggle };
}
