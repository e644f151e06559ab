'use client';
// All runs, newest first: what runs now, what failed, who started it.
import { Activity } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import type { ReactElement } from 'react';
import type { RunSummary } from '../../contract/plans.ts';
import { addNodesKind, deployKind } from '../../core/plans/kinds.ts';
import { isActiveRun } from '../../core/plans/run-state.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf, formatAgo, formatInstant } from '../../lib/format.ts';
import { useNow, useRuns } from '../../lib/use-console.ts';
import { useServerNow } from '../actions/use-server-now.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Input } from '../ui/Input.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { Cell, HeaderCell, Table } from '../ui/Table.tsx';
import { RunMark } from './RunMark.tsx';
import { describeDuration, elapsedOf, runWords } from './run-words.ts';

const shows = ['all', 'active', 'failed'] as const;
type Show = (typeof shows)[number];

export function RunsPage(): ReactElement {
  const { status, runs, error } = useRuns();
  const url = useUrlState();
  const now = useServerNow(useNow(1000));
  const deploying = usePlanRefusal(deployKind);
  const adding = usePlanRefusal(addNodesKind);
  const show: Show = shows.find((name) => name === url.get('show')) ?? 'all';
  const text = url.get('q');
  const active = runs.filter((run) => isActiveRun(run.state));
  const shown = runs.filter(
    (run) =>
      (show === 'all' || (show === 'active' ? isActiveRun(run.state) : run.state === 'failed')) && matches(run, text),
  );
  return (
    <>
      <PageHeader
        title="Runs"
        state={
          status === 'loading' ? '' : active.length === 0 ? 'Nothing runs now' : `${countOf(active.length, 'run')} now`
        }
        actions={
          <>
            <Button disabledReason={deploying} render={<Link href="/deploy" />}>
              Deploy
            </Button>
            <Button variant="primary" disabledReason={adding} render={<Link href="/add-nodes" />}>
              Add nodes
            </Button>
          </>
        }
      />
      {error === '' ? null : (
        <p role="alert" className="px-4 pb-2 text-bad md:px-6">
          {error}
        </p>
      )}
      {runs.length > 0 ? (
        <div className="flex flex-wrap items-center gap-2 px-4 pb-3 md:px-6">
          <Segmented<Show>
            label="Show"
            value={show}
            onValueChange={(next) => {
              url.set({ show: next === 'all' ? null : next });
            }}
            options={[
              { value: 'all', label: 'All' },
              { value: 'active', label: 'Running' },
              { value: 'failed', label: 'Failed' },
            ]}
          />
          <Input
            type="search"
            aria-label="Filter runs"
            placeholder="title, node or person"
            value={text}
            onChange={(event) => {
              url.set({ q: event.target.value });
            }}
            className="max-w-60"
          />
        </div>
      ) : null}
      {status === 'loading' && runs.length === 0 ? (
        <SkeletonRows label="Runs are loading" />
      ) : runs.length === 0 ? (
        <EmptyState
          icon={<Activity />}
          title="No runs yet"
          action={
            <Button variant="primary" disabledReason={adding} render={<Link href="/add-nodes" />}>
              Add nodes
            </Button>
          }
        >
          Whatever a wizard does shows here: each step on each node, with its log, to be cancelled, retried or undone.
        </EmptyState>
      ) : shown.length === 0 ? (
        <p className="px-4 py-6 text-fg-2 md:px-6">No run fits this filter.</p>
      ) : (
        <RunList runs={shown} now={now} />
      )}
    </>
  );
}

function matches(run: RunSummary, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all = [run.title, run.startedBy, run.id, ...run.nodes].join(' ').toLowerCase();
  return words.every((word) => all.includes(word));
}

function RunList({ runs, now }: { runs: readonly RunSummary[]; now: number }): ReactElement {
  const router = useRouter();
  return (
    <>
      <div
        className="min-h-0 flex-1 scroller border-t bg-surface-1 max-md:hidden"
        role="group"
        aria-label="Runs"
        tabIndex={0}
      >
        <Table isPage>
          <thead>
            <tr>
              <HeaderCell>State</HeaderCell>
              <HeaderCell>Run</HeaderCell>
              <HeaderCell>Nodes</HeaderCell>
              <HeaderCell isNumber>Steps</HeaderCell>
              <HeaderCell isNumber>Took</HeaderCell>
              <HeaderCell>Started</HeaderCell>
              <HeaderCell>By</HeaderCell>
            </tr>
          </thead>
          <tbody>
            {runs.map((run) => (
              <tr
                key={run.id}
                className="cursor-pointer hover:bg-surface-2"
                onClick={(event) => {
                  // The link itself is for the keyboard, and for new tabs.
                  if (event.defaultPrevented || event.metaKey || event.ctrlKey) return;
                  router.push(`/runs/${encodeURIComponent(run.id)}`);
                }}
              >
                <Cell>
                  <RunMark tone={runWords[run.state].tone} word={runWords[run.state].word} />
                </Cell>
                <Cell className="max-w-100">
                  <RunLink run={run} />
                </Cell>
                <Cell isMono className="max-w-60 truncate" title={describeRange(run.nodes)}>
                  {describeRange(run.nodes)}
                </Cell>
                <Cell isNumber>
                  {run.counts.done}/{run.counts.total}
                  {run.counts.failed > 0 ? <span className="text-bad"> · {run.counts.failed} failed</span> : null}
                </Cell>
                <Cell isNumber>{describeDuration(elapsedOf(run, now)?.elapsedMs ?? 0)}</Cell>
                <Cell title={formatInstant(run.startedAt)}>{formatAgo(run.startedAt, now)}</Cell>
                <Cell className="max-w-50 truncate">{run.startedBy}</Cell>
              </tr>
            ))}
          </tbody>
        </Table>
      </div>
      <ul className="border-t bg-surface-1 md:hidden">
        {runs.map((run) => (
          <li key={run.id} className="border-b">
            <Link href={`/runs/${encodeURIComponent(run.id)}`} className="flex flex-col gap-1 px-4 py-2.5">
              <span className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{run.title}</span>
                <RunMark tone={runWords[run.state].tone} word={runWords[run.state].word} />
              </span>
              <span className="flex gap-2 text-sm text-fg-3">
                <span className="numbers">
                  {run.counts.done}/{run.counts.total} steps
                </span>
                <span>{formatAgo(run.startedAt, now)}</span>
                <span className="truncate">by {run.startedBy}</span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

function RunLink({ run }: { run: RunSummary }): ReactElement {
  return (
    <Link
      href={`/runs/${encodeURIComponent(run.id)}`}
      className="block truncate font-medium hover:underline"
      onClick={(event) => {
        // The row's own handler would go there a second time.
        event.stopPropagation();
      }}
    >
      {run.title}
    </Link>
  );
}
