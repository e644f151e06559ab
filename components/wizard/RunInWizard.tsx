'use client';
// The run of a wizard, where its form was. The run continues when the page is closed.
import Link from 'next/link';
import type { ReactElement } from 'react';
import { useRun } from '../../lib/use-console.ts';
import { RunActions, RunBody } from '../runs/RunPage.tsx';
import { RunMark } from '../runs/RunMark.tsx';
import { runWords } from '../runs/run-words.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';

export function RunInWizard({ id }: { id: string }): ReactElement {
  const { run, status, error } = useRun(id);
  if (!run) {
    return status === 'missing' ? (
      <Notice state="bad" title="The run cannot be shown">
        {error}
      </Notice>
    ) : (
      <SkeletonRows label="The run is loading" />
    );
  }
  const words = runWords[run.state];
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <p className="min-w-0 flex-1 basis-60">
          <span className="font-medium">{run.title}</span> · <RunMark tone={words.tone} word={words.word} /> ·{' '}
          <span className="text-fg-2 numbers">
            {run.counts.done} of {run.counts.total} steps
          </span>
        </p>
        <Button variant="ghost" render={<Link href={`/runs/${encodeURIComponent(run.id)}`} />}>
          Its own page
        </Button>
        <RunActions run={run} />
      </div>
      <RunBody run={run} />
    </>
  );
}
