'use client';
// A launch while it runs: failures first with their reason, then a row for each node with a dot for each VM. Afterwards the ways on.
import Link from 'next/link';
import { useMemo, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import type { RunView } from '../../contract/plans.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { isActiveRun } from '../../core/plans/run-state.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { LaunchedVms } from './LaunchedVms.tsx';
import { progressOf, type DotState, type NodeProgress } from './progress.ts';
import { dotWords, VmDot, VmDots } from './VmDots.tsx';

/** Reasons, and nodes, that are shown at once. */
const maxFailures = 20;
const maxNodes = 200;
const order: readonly DotState[] = ['running', 'paused', 'making', 'waiting', 'failed', 'lost', 'gone'];

export function LaunchRun({ run }: { run: RunView }): ReactElement {
  const vms = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const nodes = useFleetPart(({ view }) => view.nodes);
  const progress = useMemo(() => progressOf(run, { vms, nodes }), [run, vms, nodes]);
  const withCluster = useClusterPath();
  const namespace = run.plan.steps.find(({ do: { action } }) => action === 'launchVms')?.do.args['namespace'];
  const of = typeof namespace === 'string' ? `?namespace=${encodeURIComponent(namespace)}` : '';
  const { counts, failures } = progress;
  const total = progress.nodes.reduce((sum, { dots }) => sum + dots.length, 0);
  const isOver = !isActiveRun(run.state) && counts.running + counts.paused > 0;
  return (
    <>
      {failures.length === 0 ? null : (
        <Notice state="bad" role="status" title="What failed">
          <ul className="flex flex-col gap-1">
            {failures.slice(0, maxFailures).map(({ names, why }) => (
              <li key={why} className="break-words whitespace-pre-line">
                <span className="font-mono font-medium text-fg-1">{names}</span> · {why}
              </li>
            ))}
            {failures.length > maxFailures ? <li>and {failures.length - maxFailures} more reasons</li> : null}
          </ul>
        </Notice>
      )}
      <Panel
        isFlush
        title={`${counts.running} of ${total} VMs run`}
        actions={
          !isOver ? null : (
            <>
              <Button
                size="sm"
                variant={failures.length === 0 ? 'primary' : 'secondary'}
                render={<Link href={withCluster(`/vlans${of}`)} />}
              >
                Open the VLAN map
              </Button>
              <Button size="sm" render={<Link href={withCluster(`/consoles${of}`)} />}>
                Open consoles
              </Button>
            </>
          )
        }
      >
        <ul>
          {progress.nodes.slice(0, maxNodes).map((node) => (
            <NodeRow key={node.node} progress={node} />
          ))}
        </ul>
        <p className="flex flex-wrap gap-x-4 gap-y-1 border-t px-4 py-2 text-sm text-fg-2">
          {order.map((state) =>
            counts[state] === 0 ? null : (
              <span key={state} className="inline-flex items-center gap-1.5 numbers">
                <VmDot state={state} />
                {counts[state]} {dotWords[state]}
              </span>
            ),
          )}
          {progress.nodes.length > maxNodes ? <span>{progress.nodes.length - maxNodes} more nodes below</span> : null}
        </p>
      </Panel>
      {isOver ? <LaunchedVms run={run} /> : null}
    </>
  );
}

function NodeRow({ progress: { node, dots, doing } }: { progress: NodeProgress }): ReactElement {
  const running = dots.filter(({ state }) => state === 'running').length;
  const share = `${(100 * running) / Math.max(1, dots.length)}%`;
  return (
    <li className="grid items-center gap-x-4 gap-y-1 border-b px-4 py-2 last:border-b-0 sm:grid-cols-[8rem_minmax(0,1fr)_7rem]">
      <span className="truncate font-mono text-sm font-medium">{node}</span>
      <span className="flex min-w-0 flex-col gap-1.5">
        <span aria-hidden="true" className="h-1 w-full overflow-hidden rounded-full bg-surface-3">
          <span className="block h-full bg-ok transition-[width] duration-200" style={{ width: share }} />
        </span>
        <VmDots dots={dots} />
        {doing === '' ? null : <span className="text-xs break-words text-fg-3">{doing}</span>}
      </span>
      <span className="text-sm text-fg-2 numbers sm:text-right">
        {running} of {dots.length} run
      </span>
    </li>
  );
}
