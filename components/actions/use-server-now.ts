'use client';
// The server's clock, as the fleet's snapshots tell it: times of runs and nodes are the server's.
import { useConsole } from '../../lib/use-console.ts';

/** This browser's time as the server's; the same while nothing is known of the difference. */
export function useServerNow(now: number): number {
  const console = useConsole();
  // Read, not subscribed: the callers already redraw by a clock.
  return now + (console?.fleet.state.get().serverOffsetMs ?? 0);
}
