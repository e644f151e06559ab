'use client';
// The last line of the screen: whether the page is live, through which node, how far away, and how much changes.
import type { ReactElement } from 'react';
import { countOf, formatDuration } from '../../lib/format.ts';
import { useConnection, useFleetPart, useNow, useRetainedFleet } from '../../lib/use-console.ts';
import { StateMark } from '../ui/StateMark.tsx';
import { clusterStates } from './TopBar.tsx';
import { useCluster } from './use-cluster.ts';

const minuteMs = 60_000;

export function StatusLine(): ReactElement {
  return (
    <footer className="flex h-(--status-height) shrink-0 items-center gap-3 overflow-hidden border-t bg-surface-1 px-4 text-xs whitespace-nowrap text-fg-3">
      <Status />
    </footer>
  );
}

function Status(): ReactElement {
  const connection = useConnection();
  const status = useFleetPart((fleet) => fleet.status);
  const fleet = useRetainedFleet();
  const cluster = useCluster();
  const now = useNow(1000);
  // Read, not followed: once a second is often enough for numbers that nobody can read faster.
  const { asOf = null, serverOffsetMs = 0, view = null } = fleet?.state.get() ?? {};
  if (connection.state !== 'live' || status !== 'live') {
    const age = asOf === null ? '' : ` · as of ${formatDuration(now - asOf)} ago`;
    if (connection.state === 'lost' || (connection.state === 'live' && status === 'stale')) {
      return (
        <StateMark state="bad">
          connection lost{age}
          {connection.reason === '' ? '' : ` · ${connection.reason}`}
        </StateMark>
      );
    }
    return <StateMark state="busy">{connection.state === 'ended' ? 'signed out' : 'connecting'}</StateMark>;
  }
  if (cluster === null || view === null) return <StateMark state="ok">live · no cluster yet</StateMark>;
  const { state, word } = clusterStates[cluster.State];
  const since = now + serverOffsetMs - minuteMs;
  const changes = view.events.filter((event) => event.Cluster === cluster.Id && event.At > since).length;
  const age = cluster.State === 'live' ? '' : ` · as of ${formatDuration(now + serverOffsetMs - cluster.AsOf)} ago`;
  return (
    <>
      <StateMark state={state}>
        {word}
        {age}
      </StateMark>
      {cluster.AttachedTo === '' ? null : <span className="font-mono">{cluster.AttachedTo}</span>}
      {cluster.RoundTripMs === null ? null : <span className="numbers">{Math.round(cluster.RoundTripMs)} ms</span>}
      <span className="numbers max-sm:hidden">revision {view.revision}</span>
      <span className="numbers">{countOf(changes, 'change')}/min</span>
      {cluster.Reason === '' ? null : <span className="truncate text-warn">{cluster.Reason}</span>}
    </>
  );
}
