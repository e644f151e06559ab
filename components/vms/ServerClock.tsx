'use client';
// The server's clock for ages in rows: only the ages are rendered again as it goes, not their rows.
import { createContext, useContext, type ReactElement, type ReactNode } from 'react';
import { formatDuration, formatInstant } from '../../lib/format.ts';
import { useServerNow } from '../fleet/use-mesh.ts';

const ClockContext = createContext(0);

const everyMs = 5_000;

export function ServerClock({ children }: { children: ReactNode }): ReactElement {
  return <ClockContext value={useServerNow(everyMs)}>{children}</ClockContext>;
}

/** How long ago that was, by the clock around it; `at`: ms since 1970. */
export function Age({ at }: { at: number }): ReactElement {
  const now = useContext(ClockContext);
  return <span title={`since ${formatInstant(at)}`}>{formatDuration(Math.max(0, now - at))}</span>;
}
