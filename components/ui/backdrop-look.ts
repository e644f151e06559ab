/** What lies between the page and what is over it. */
export const backdropLook =
  'fixed inset-0 z-40 bg-overlay transition-opacity data-ending-style:opacity-0 data-starting-style:opacity-0';
