/** What is typed into or chosen from. */
export const controlLook =
  'w-full min-w-0 rounded-md border border-line-strong bg-surface-1 text-fg-1 transition-colors hover:border-fg-3 data-invalid:border-bad disabled:opacity-60 max-md:text-lg';
