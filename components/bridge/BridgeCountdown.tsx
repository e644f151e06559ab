'use client';
// One countdown for all viewers: of the node whose change reverts next. Nothing while no node is on trial.
import type { ReactElement } from 'react';
import type { RunView } from '../../contract/plans.ts';
import { describeLeft, mostUrgent, watchedNodes, type WatchedNode } from './bridge-view.ts';
import { useCountdown } from './use-countdown.ts';

export function BridgeCountdown({ run }: { run: RunView }): ReactElement | null {
  const urgent = mostUrgent(watchedNodes(run));
  return urgent ? <Countdown key={urgent.step.key} node={urgent} /> : null;
}

/** Large enough to be read across a room. */
function Countdown({ node }: { node: WatchedNode }): ReactElement {
  const { progress, args } = node;
  const leftMs = useCountdown(progress);
  const window = args.transaction.times.window * 1000;
  const share = leftMs === null ? 0 : Math.min(1, leftMs / window);
  const isShort = leftMs !== null && leftMs < 10_000;
  return (
    <section
      aria-label="Countdown"
      className="flex flex-wrap items-center gap-x-6 gap-y-2 rounded-md border bg-surface-1 px-4 py-3"
    >
      {/* It ticks each second: a screen reader hears the sentence beside it instead. */}
      <span
        aria-hidden="true"
        className={`text-[2.75rem] leading-none font-semibold numbers ${isShort ? 'text-warn' : ''}`}
      >
        {leftMs === null ? '–' : describeLeft(leftMs)}
      </span>
      <div className="flex min-w-0 flex-1 basis-64 flex-col gap-2">
        <p className="break-words">
          <span className="font-mono font-semibold">{node.node}</span>{' '}
          <span className="text-fg-2">{progress?.text}</span>
        </p>
        <div className="h-1.5 overflow-hidden rounded-full bg-surface-3" aria-hidden="true">
          <div
            className={`h-full rounded-full transition-[width] duration-1000 ease-linear motion-reduce:transition-none ${isShort ? 'bg-warn' : 'bg-accent'}`}
            style={{ width: `${share * 100}%` }}
          />
        </div>
      </div>
    </section>
  );
}
