// The newest runs that concern a node.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { RunSummary } from '../../contract/plans.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useRuns } from '../../lib/use-console.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Panel } from '../ui/Panel.tsx';

const shownRuns = 10;

/** Of two with one id, the first is kept. */
function newestRuns(runs: readonly RunSummary[]): RunSummary[] {
  const each = [...new Map(runs.toReversed().map((run) => [run.id, run])).values()];
  return each.sort((a, b) => b.startedAt - a.startedAt).slice(0, shownRuns);
}

/** @param now by the server's clock */
export function NodeRuns({ name, now }: { name: string; now: number }): ReactElement {
  const withCluster = useClusterPath();
  const { runs } = useRuns();
  // The live list has the newest runs of all nodes; this node's older runs are loaded separately.
  const { data: asked } = useLoaded(name, (client) => client.call('runs.list', { limit: shownRuns, node: name }));
  const ownRuns = newestRuns([...runs, ...(asked ?? [])].filter((run) => run.nodes.includes(name)));
  return (
    <Panel title="Runs on it" isFlush>
      {ownRuns.length === 0 ? (
        <p className="p-4 text-fg-3">None that this console knows.</p>
      ) : (
        <ul>
          {ownRuns.map((run) => (
            <li key={run.id}>
              <Link
                href={withCluster(`/runs/${encodeURIComponent(run.id)}`)}
                className="flex items-center gap-3 border-b px-4 py-2 hover:bg-surface-2"
              >
                <span className="min-w-0 flex-1 truncate">{run.title}</span>
                <span className="text-sm text-fg-2">{run.state}</span>
                <span className="text-sm text-fg-3" title={formatInstant(run.startedAt)}>
                  {formatAgo(run.startedAt, now)}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
