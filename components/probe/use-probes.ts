'use client';
// What this reader measured in a cluster, and whether it is too old to be believed.
import { useEffect, useState } from 'react';
import type { ProbeResult } from '../../contract/probe.ts';
import type { TraceResult } from '../../contract/trace.ts';
import { noLine, type LiveLine } from '../../lib/probes.ts';
import { useConsole, useReadable } from '../../lib/use-console.ts';

export interface UsedLine<Result> extends LiveLine<Result> {
  readonly run: (line: string) => void;
  readonly cancel: () => void;
}

const nothing = (): void => undefined;

/** `cluster`: its id; empty while none is known. */
export function useProbe(cluster: string): UsedLine<ProbeResult> {
  return useMeasuring(cluster, 'probe');
}

export function useTrace(cluster: string): UsedLine<TraceResult> {
  return useMeasuring(cluster, 'trace');
}

function useMeasuring(cluster: string, what: 'probe'): UsedLine<ProbeResult>;
function useMeasuring(cluster: string, what: 'trace'): UsedLine<TraceResult>;
function useMeasuring(cluster: string, what: 'probe' | 'trace'): UsedLine<ProbeResult> | UsedLine<TraceResult> {
  const probes = useConsole()?.probes;
  const measuring = probes === undefined || cluster === '' ? null : probes.of(cluster)[what];
  const state = useReadable<LiveLine<object>>(measuring?.state ?? null, noLine);
  return {
    ...(state as LiveLine<never>),
    run: measuring === null ? nothing : (line) => void measuring.run(line),
    cancel: measuring === null ? nothing : () => measuring.cancel(),
  };
}

/** The longest that a browser's timer waits. */
const longestMs = 2 ** 31 - 1;

/** Whether this browser's clock has passed a moment (ms since 1970): rendered again when it does, and at no other time. */
export function useIsPast(at: number): boolean {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const left = at - Date.now();
    // One that waits longer than a timer can is looked at then.
    const timer = setTimeout(() => setNow(Date.now()), Math.min(longestMs, Math.max(0, left)));
    return () => clearTimeout(timer);
  }, [at, now]);
  return now >= at;
}
