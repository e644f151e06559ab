'use client';
// A question or a short form over the page.
import type { DialogProps } from './DialogPopup.tsx';
import { loadOnOpen } from './load-on-open.tsx';

export const Dialog = loadOnOpen<DialogProps>(async () => (await import('./DialogPopup.tsx')).DialogPopup);
