'use client';
import type { ReactElement } from 'react';
import { useSession } from './use-session.tsx';

/** Says on every page that the nodes are simulated: real meshds, but no real hosts. */
export function SimulatedBanner(): ReactElement | null {
  const session = useSession();
  if (session?.isSimulated !== true) return null;
  return (
    <p className="shrink-0 border-b border-busy/40 bg-busy-soft px-4 py-1 text-center text-sm text-fg-1">
      Simulated nodes: real meshds on this machine, over hosts that do not exist.
    </p>
  );
}
