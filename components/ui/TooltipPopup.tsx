'use client';
// What a Tooltip shows, beside the element that it is about; loaded by it.
import { Tooltip as Base } from '@base-ui/react/tooltip';
import type { ReactElement, ReactNode } from 'react';

export interface TooltipPopupProps {
  anchor: Element | null;
  open: boolean;
  side: 'top' | 'bottom' | 'left' | 'right';
  /** Escape, or a press elsewhere. */
  onClose: () => void;
  onPointerEnter: () => void;
  onPointerLeave: () => void;
  children: ReactNode;
}

export function TooltipPopup({ anchor, open, side, onClose, children, ...pointer }: TooltipPopupProps): ReactElement {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => {
        if (!next) onClose();
      }}
    >
      <Base.Portal>
        <Base.Positioner anchor={anchor} side={side} sideOffset={6} className="z-50">
          <Base.Popup
            {...pointer}
            className="max-w-80 rounded-md border border-line bg-surface-1 px-2 py-1 text-sm text-fg-1 shadow-overlay transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0"
          >
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
