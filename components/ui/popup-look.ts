// How lists that open over the page look: menus, selects, the palette.
export const popupLook =
  'rounded-md border border-line bg-surface-1 p-1 text-base text-fg-1 shadow-overlay outline-none transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0';

export const popupItemLook =
  'flex min-h-8 cursor-default items-center gap-2 rounded-sm px-2 py-1 text-base outline-none select-none data-disabled:opacity-50 data-highlighted:bg-surface-2 max-md:min-h-10';
