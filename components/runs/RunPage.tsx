'use client';
// One run: its state in words, the next thing to do, and its story. The run continues when the page is closed.
import Link from 'next/link';
import { useState, type ReactElement } from 'react';
import type { RunView } from '../../contract/plans.ts';
import { isActiveRun } from '../../core/plans/run-state.ts';
import { undoable } from '../../core/plans/undoable.ts';
import { formatInstant } from '../../lib/format.ts';
import { useNow, useRun } from '../../lib/use-console.ts';
import { useAction } from '../actions/use-action.ts';
import { useServerNow } from '../actions/use-server-now.ts';
import { useRunRefusal } from '../frame/use-session.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import type { NodeStory } from './node-story.ts';
import { runKindOf } from './run-kinds.tsx';
import { RunMark } from './RunMark.tsx';
import { RunNext } from './RunNext.tsx';
import { describeDuration, elapsedOf, runWords } from './run-words.ts';
import { isRetryable, runCommands } from './run-view.ts';
import { RunStory } from './RunStory.tsx';
import { UndoDialog } from './UndoDialog.tsx';

export function RunPage({ id }: { id: string }): ReactElement {
  const { status, run, error } = useRun(id);
  if (!run) {
    if (status === 'missing') {
      return (
        <>
          <PageHeader title="Run" />
          <EmptyState title="It cannot be shown" action={<Button render={<Link href="/runs" />}>All runs</Button>}>
            {error}
          </EmptyState>
        </>
      );
    }
    return <SkeletonRows label="The run is loading" />;
  }
  return (
    <>
      <RunHeader run={run} isStale={status === 'stale'} />
      <div className="flex min-w-0 flex-col gap-4 px-4 pb-6 md:px-6">
        <RunBody run={run} />
      </div>
    </>
  );
}

function RunHeader({ run, isStale }: { run: RunView; isStale: boolean }): ReactElement {
  const now = useServerNow(useNow(1000));
  const words = runWords[run.state];
  const times = elapsedOf(run, now);
  return (
    <PageHeader
      title={run.title}
      state={
        <span className="flex flex-wrap items-center gap-x-3">
          <RunMark tone={words.tone} word={words.word} />
          <span className="numbers">
            {run.counts.done} of {run.counts.total} steps
          </span>
          {run.counts.failed > 0 ? <span className="text-bad numbers">{run.counts.failed} failed</span> : null}
          {/* A screen reader would read the ticking clock each second. */}
          <span aria-hidden="true" className="numbers" title={formatInstant(run.startedAt)}>
            {times ? describeDuration(times.elapsedMs) : ''}
          </span>
          <span className="text-fg-3">by {run.startedBy}</span>
          {isStale ? <span className="text-warn">not live now</span> : null}
        </span>
      }
      actions={<RunActions run={run} />}
    />
  );
}

const noStories: ReadonlyMap<string, NodeStory> = new Map();

/** What is the same on the run's own page and in a wizard. */
export function RunBody({ run }: { run: RunView }): ReactElement {
  const now = useServerNow(useNow(1000));
  const readOnlyReason = useRunRefusal(run);
  const { above, stories } = runKindOf(run.kind);
  return (
    <>
      <RunNext run={run} readOnlyReason={readOnlyReason} />
      {above?.(run)}
      <RunStory run={run} now={now} stories={stories?.(run) ?? noStories} />
      <details className="rounded-md border bg-surface-1">
        <summary className="cursor-pointer px-4 py-2 font-medium">The same as commands</summary>
        <div className="flex flex-col gap-2 px-4 pb-4">
          {runCommands(run).map((command) => (
            <CommandLine key={command} command={command} />
          ))}
        </div>
      </details>
    </>
  );
}

export function RunActions({ run }: { run: RunView }): ReactElement {
  const action = useAction();
  const planReason = useRunRefusal(run);
  const [isUndoing, setIsUndoing] = useState(false);
  const active = isActiveRun(run.state);
  const { can } = undoable(run);
  const undoReason =
    planReason !== ''
      ? planReason
      : active
        ? 'It still runs: cancel it first.'
        : can.length === 0
          ? 'There is nothing to undo.'
          : '';
  return (
    <>
      {active ? (
        <Button
          isBusy={action.isBusy}
          disabledReason={planReason}
          onClick={() =>
            void action.run(async (client) => {
              await client.call('runs.cancel', { run: run.id });
            })
          }
        >
          Cancel
        </Button>
      ) : (
        <>
          {isRetryable(run) ? (
            <Button
              isBusy={action.isBusy}
              disabledReason={planReason}
              onClick={() =>
                void action.run(async (client) => {
                  await client.call('runs.retry', { run: run.id, secrets: {} });
                })
              }
            >
              Retry
            </Button>
          ) : null}
          <Button
            disabledReason={undoReason}
            onClick={() => {
              setIsUndoing(true);
            }}
          >
            Undo…
          </Button>
        </>
      )}
      {action.error === '' ? null : (
        <p role="alert" className="basis-full text-right text-bad">
          {action.error}
        </p>
      )}
      <UndoDialog run={run} open={isUndoing} onOpenChange={setIsUndoing} />
    </>
  );
}
