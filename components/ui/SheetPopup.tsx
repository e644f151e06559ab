'use client';
// What a Sheet shows; loaded by it.
import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { useRef } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { backdropLook } from './backdrop-look.ts';
import { IconButton } from './IconButton.tsx';

export interface SheetProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: ReactNode;
  children: ReactNode;
}

export function SheetPopup({ open, onOpenChange, title, children }: SheetProps): ReactElement {
  // The panel itself takes the focus: on its first button it would open that button's tooltip.
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open={open} onOpenChange={(next) => onOpenChange(next)}>
      <Base.Portal>
        <Base.Backdrop className={backdropLook} />
        <Base.Popup
          ref={popup}
          initialFocus={popup}
          className="fixed z-50 flex flex-col border-line bg-surface-1 shadow-overlay transition-transform outline-none max-md:inset-x-0 max-md:bottom-0 max-md:max-h-[80dvh] max-md:rounded-t-md max-md:border-t max-md:data-ending-style:translate-y-full max-md:data-starting-style:translate-y-full md:inset-y-0 md:right-0 md:w-90 md:border-l md:data-ending-style:translate-x-full md:data-starting-style:translate-x-full"
        >
          <header className="flex items-center gap-2 border-b px-4 py-2">
            <Base.Title className="min-w-0 flex-1 text-lg font-semibold">{title}</Base.Title>
            <Base.Close render={<IconButton label="Close" icon={<X />} className="-mr-2" />} />
          </header>
          <div className="min-h-0 flex-1 scroller px-4 py-3 pb-[max(12px,env(safe-area-inset-bottom))]">{children}</div>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
