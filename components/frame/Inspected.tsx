'use client';
// A page whose selection is inspected: the panel stands on the right of a wide screen and is a sheet elsewhere.
import { X } from 'lucide-react';
import { useEffect, useRef } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { IconButton } from '../ui/IconButton.tsx';
import { Sheet } from '../ui/Sheet.tsx';
import { useMedia, wideScreen } from './use-media.ts';

export interface InspectedProps {
  /** Null: nothing is selected. */
  inspector: { title: ReactNode; body: ReactNode } | null;
  onClose: () => void;
  children: ReactNode;
}

export function Inspected({ inspector, onClose, children }: InspectedProps): ReactElement {
  const isWide = useMedia(wideScreen);
  const isOpen = inspector !== null;
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  }, [onClose]);
  useEffect(() => {
    if (!isOpen || !isWide) return;
    const onKey = (event: KeyboardEvent): void => {
      // What lies above the page (a menu, a dialog) takes its own Escape.
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      if (document.querySelector('[role="dialog"],[role="menu"],[role="listbox"]')) return;
      close.current();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [isOpen, isWide]);
  return (
    <div className="flex min-h-0 flex-1">
      <div className="flex min-w-0 flex-1 flex-col">{children}</div>
      {inspector !== null && isWide ? (
        <aside aria-label="Selection" className="flex w-90 shrink-0 flex-col border-l bg-surface-1">
          <header className="flex h-12 shrink-0 items-center gap-2 border-b pr-2 pl-4">
            <h2 className="min-w-0 flex-1 truncate text-lg font-semibold">{inspector.title}</h2>
            <IconButton label="Clear the selection (Esc)" icon={<X />} onClick={onClose} />
          </header>
          <div className="min-h-0 flex-1 scroller p-4">{inspector.body}</div>
        </aside>
      ) : null}
      {isWide ? null : (
        <Sheet open={isOpen} onOpenChange={(open) => (open ? undefined : onClose())} title={inspector?.title ?? ''}>
          {inspector?.body}
        </Sheet>
      )}
    </div>
  );
}
