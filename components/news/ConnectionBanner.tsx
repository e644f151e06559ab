'use client';
// When what is on the screen is not live: a banner with its age. Never silent stale data.
import type { ReactElement } from 'react';
import { formatDuration } from '../../lib/format.ts';
import { useConnection, useFleetPart, useNow, useRetainedFleet } from '../../lib/use-console.ts';
import { clusterName, useCluster } from '../frame/use-cluster.ts';
import { StateShape, type State } from '../ui/StateMark.tsx';
import { describeConnection } from './describe-connection.ts';

export function ConnectionBanner(): ReactElement | null {
  const connection = useConnection();
  const status = useFleetPart((state) => state.status);
  const error = useFleetPart((state) => state.error);
  const fleet = useRetainedFleet();
  const cluster = useCluster();
  const now = useNow(1000);
  // Read, not followed: while all is live its age is not shown.
  const { asOf = null, serverOffsetMs = 0 } = fleet?.state.get() ?? {};
  const news = describeConnection({
    connection,
    fleet: { asOf, status, error },
    cluster:
      cluster === null ? null : { ...cluster, Context: clusterName(cluster), AsOf: cluster.AsOf - serverOffsetMs },
    now,
  });
  if (news === null) return null;
  return (
    <div
      className={`flex shrink-0 flex-wrap items-center gap-x-2 gap-y-1 border-b px-4 py-1.5 md:px-6 ${news.tone === 'bad' ? 'bg-bad-soft' : 'bg-warn-soft'}`}
    >
      <StateShape state={news.tone satisfies State} />
      {/* The age ticks: only the words are read out. */}
      <span role="alert" className="min-w-0 font-medium break-words">
        {news.text}
      </span>
      {news.asOf === null ? null : (
        <span aria-hidden="true" className="numbers text-fg-2">
          as of {formatDuration(now - news.asOf)} ago
        </span>
      )}
    </div>
  );
}
