'use client';
// When the frame's links fetch their pages ahead: after this page shows its rows. Before that, nine pages would take the
// server's and the browser's time from it.
import { useEffect, useState } from 'react';
import { useFleetPart } from '../../lib/use-console.ts';

/** The rows are there, and are drawn within this time. */
const drawMs = 1_000;
/** A page without a connection is left for another one too. */
const patienceMs = 10_000;

/** For the property of the same name of Next's links: null is its default. */
export function usePrefetch(): false | null {
  const isLoading = useFleetPart((fleet) => fleet.status === 'loading');
  const [isDue, setIsDue] = useState(false);
  useEffect(() => {
    if (isDue) return;
    const timer = setTimeout(() => setIsDue(true), isLoading ? patienceMs : drawMs);
    return () => clearTimeout(timer);
  }, [isLoading, isDue]);
  return isDue ? null : false;
}
