// The clock of a bridge trial on the screen, between two words of the server.
import { useEffect, useState } from 'react';
import type { BridgeProgress } from '../../core/plans/bridge/plan/step-args.ts';

/** The time left now, counted from the last report of it; null when no timer runs. */
export function useCountdown(progress: BridgeProgress | null): number | null {
  const [now, setNow] = useState(() => performance.now());
  const [told, setTold] = useState({ progress, at: now });
  if (told.progress !== progress) setTold({ progress, at: performance.now() });
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(performance.now());
    }, 500);
    return () => {
      clearInterval(timer);
    };
  }, []);
  const leftMs = told.progress?.leftMs ?? null;
  return leftMs === null ? null : Math.max(0, leftMs - Math.max(0, now - told.at));
}
