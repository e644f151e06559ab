'use client';
// The path that was traced last, what is said of the one under way, and why one failed.
import { Route } from 'lucide-react';
import type { ReactElement } from 'react';
import type { TraceResult } from '../../contract/trace.ts';
import { staleAfterMs } from '../../core/probe/stale.ts';
import { safeText } from '../../core/safe-text.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useNow } from '../../lib/use-console.ts';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Spinner } from '../ui/Spinner.tsx';
import { TraceHops } from './TraceHops.tsx';
import { useIsPast, type UsedLine } from './use-probes.ts';

interface TraceOutcomeProps {
  trace: UsedLine<TraceResult>;
  /** Of the VMs that are chosen; empty: none are. */
  line: string;
  hasVms: boolean;
}

export function TraceOutcome({ trace, line, hasVms }: TraceOutcomeProps): ReactElement {
  const { last } = trace;
  const isStale = useIsPast((last?.at ?? Infinity) + staleAfterMs);
  return (
    <div className="flex flex-1 flex-col gap-4 border-t px-4 py-4 md:px-6" aria-busy={trace.running !== null}>
      <div role="status" className={trace.running === null ? 'absolute' : ''}>
        {trace.running === null ? null : (
          <p className="flex items-center gap-2 text-fg-2">
            <Spinner />
            {trace.running.said === ''
              ? 'asking both nodes, and testing the way between them'
              : safeText(trace.running.said)}
          </p>
        )}
      </div>
      {trace.failure === '' ? null : (
        <Notice state="bad" title="The path was not traced" role="alert">
          <span className="break-words">{safeText(trace.failure)}</span>
        </Notice>
      )}
      {last === null ? (
        trace.running === null && trace.failure === '' ? (
          <EmptyState icon={<Route />} title={hasVms ? 'Not traced yet' : 'No VMs yet'}>
            Here stands the path between two VMs: tap and tag, bridge, flows, uplink, switches, and the same back to the
            other VM. The first hop that is broken is explained.
          </EmptyState>
        ) : null
      ) : (
        <>
          <Traced line={last.line} at={last.at} isOther={last.line !== line && line !== ''} />
          {last.result === null ? (
            <Notice state="bad" title="The answer was too large to be shown" />
          ) : (
            <TraceHops result={last.result} isStale={isStale} />
          )}
        </>
      )}
    </div>
  );
}

const agoMs = 10_000;

function Traced({ line, at, isOther }: { line: string; at: number; isOther: boolean }): ReactElement {
  const now = useNow(agoMs);
  return (
    <p className="text-sm text-fg-2">
      {isOther ? <span className="text-warn">Of other VMs: </span> : null}
      Traced{' '}
      <time dateTime={new Date(at).toISOString()} title={formatInstant(at)}>
        {formatAgo(at, Math.max(now, at))}
      </time>{' '}
      by <code className="font-mono break-words text-fg-1">{line}</code>.
    </p>
  );
}
