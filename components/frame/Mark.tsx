import type { ReactElement } from 'react';

/** The mark of the product: four nodes and the links that hold when any one is gone. */
export function Mark({ className }: { className?: string }): ReactElement {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true" className={className}>
      <path d="M5 5h14v14H5zM5 5l14 14M19 5 5 19" fill="none" stroke="currentColor" strokeWidth="1.5" opacity="0.55" />
      <g fill="currentColor">
        <rect x="2" y="2" width="6" height="6" rx="1.2" />
        <circle cx="19" cy="5" r="3" />
        <circle cx="5" cy="19" r="3" />
        <circle cx="19" cy="19" r="3" />
      </g>
    </svg>
  );
}
