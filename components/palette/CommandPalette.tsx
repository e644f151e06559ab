'use client';
// Ctrl-K and its button in the top bar; what they open is loaded when it is wanted.
import { Search } from 'lucide-react';
import { useEffect, useState, type ReactElement } from 'react';
import { Kbd } from '../ui/Kbd.tsx';
import { loadOnOpen } from '../ui/load-on-open.tsx';
import { onOpenPalette, openPalette } from './open-palette.ts';
import type { PalettePopupProps } from './PalettePopup.tsx';

const load = async () => (await import('./PalettePopup.tsx')).PalettePopup;
const Palette = loadOnOpen<PalettePopupProps>(load);

/** A moment before it is wanted; should it fail, opening it tries again. */
const preload = (): void => void load().catch(() => undefined);

/** The button of the top bar. */
export function PaletteButton(): ReactElement {
  return (
    <button
      type="button"
      onClick={openPalette}
      onPointerEnter={preload}
      onFocus={preload}
      aria-label="Search nodes, VLANs, VMs, pages and actions"
      className="inline-flex h-8 items-center gap-2 rounded-md border px-2 text-sm text-fg-3 hover:bg-surface-2 hover:text-fg-1 max-md:size-10 max-md:justify-center max-md:border-transparent"
    >
      <Search aria-hidden="true" className="size-4" />
      <span className="max-md:hidden">Search</span>
      <span aria-hidden="true" className="max-md:hidden">
        <Kbd>Ctrl K</Kbd>
      </span>
    </button>
  );
}

export function CommandPalette(): ReactElement {
  const [isOpen, setIsOpen] = useState(false);
  useEffect(
    () =>
      onOpenPalette(() => {
        setIsOpen((isOpenNow) => !isOpenNow);
      }),
    [],
  );
  return <Palette open={isOpen} onOpenChange={setIsOpen} />;
}
