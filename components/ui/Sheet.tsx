'use client';
// A panel over the page: from below on a phone, from the right elsewhere.
import { loadOnOpen } from './load-on-open.tsx';
import type { SheetProps } from './SheetPopup.tsx';

export const Sheet = loadOnOpen<SheetProps>(async () => (await import('./SheetPopup.tsx')).SheetPopup);
