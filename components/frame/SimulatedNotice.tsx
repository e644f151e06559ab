import type { ReactElement } from 'react';

/** Says that the nodes are simulated: real meshds, but no real hosts. */
export function SimulatedNotice(): ReactElement {
  return (
    <p className="shrink-0 border-b border-busy/40 bg-busy-soft px-4 py-1 text-center text-sm text-fg-1">
      Simulated nodes: real meshds on this machine, over hosts that do not exist.
    </p>
  );
}
