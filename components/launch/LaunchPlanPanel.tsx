'use client';
// A launch before it runs: as one sentence, then node by node with how full each will be, and as a script.
import { useMemo, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { readCall } from '../../core/plans/actions.ts';
import { launchActions } from '../../core/plans/vms/actions.ts';
import { describeBytes } from '../../core/plans/vms/bytes.ts';
import { describeLaunch, scriptOf, shapeOf } from '../../core/plans/vms/sentence.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Panel } from '../ui/Panel.tsx';
import { CapacityBar } from './CapacityBar.tsx';
import { placesOf } from './cluster-facts.ts';
import { useClusterRows } from './use-cluster-rows.ts';

/** Nodes that a reader takes in; the steps below name all of them. */
const maxNodes = 50;

export function LaunchPlanPanel({ plan }: { plan: Plan }): ReactElement {
  const rows = useClusterRows();
  const places = useMemo(() => new Map(placesOf(rows).map((host) => [host.name, host])), [rows]);
  const shape = useMemo(() => shapeOf(plan), [plan]);
  const { memory, copies } = useMemo(() => detailsOf(plan), [plan]);
  const script = useMemo(() => scriptOf(plan), [plan]);
  const nodes = [...shape.byNode];
  return (
    <>
      <p className="max-w-180 rounded-md border border-accent/40 bg-accent-soft px-4 py-3 text-lg">
        {describeLaunch(shape)}
      </p>
      <Panel title={`On ${countOf(nodes.length, 'node')}`} isFlush>
        <ul>
          {nodes.slice(0, maxNodes).map(([node, names]) => {
            const host = places.get(node);
            const files = copies.get(node) ?? [];
            return (
              <li
                key={node}
                className="grid items-center gap-x-4 gap-y-1 border-b px-4 py-2 last:border-b-0 sm:grid-cols-[8rem_minmax(0,1fr)_minmax(0,14rem)]"
              >
                <span className="truncate font-mono text-sm font-medium">{node}</span>
                <span className="min-w-0 text-sm">
                  <span className="font-mono break-words">{describeRange(names)}</span>
                  <span className="text-fg-3"> · {countOf(names.length, 'VM')}</span>
                  {files.length === 0 ? null : (
                    <span className="block text-fg-2">
                      gets {files.map(({ name, bytes }) => `${name} (${describeBytes(bytes)})`).join(', ')}
                    </span>
                  )}
                </span>
                {host ? <CapacityBar host={host} addedMb={names.length * memory} /> : null}
              </li>
            );
          })}
        </ul>
        {nodes.length > maxNodes ? (
          <p className="border-t px-4 py-2 text-sm text-fg-3">{countOf(nodes.length - maxNodes, 'more node')}.</p>
        ) : null}
      </Panel>
      <details className="rounded-md border bg-surface-1">
        <summary className="cursor-pointer px-4 py-2 font-medium">The same as a script</summary>
        <div className="flex flex-col gap-2 px-4 pb-4">
          <p className="text-sm text-fg-2">
            For a shell of a node, as root. It stops at the first line that fails. Nodes fetch the images that they lack
            as they launch.
          </p>
          <div className="flex items-start rounded-md border bg-surface-0">
            <pre
              role="group"
              tabIndex={0}
              aria-label="Script"
              className="max-h-96 min-w-0 flex-1 scroller overflow-y-auto px-3 py-2 font-mono text-xs whitespace-pre"
            >
              {script}
            </pre>
            <CopyButton text={script} label="Copy script" />
          </div>
        </div>
      </details>
    </>
  );
}

/** MB of each VM, and the files that each node gets. */
function detailsOf({ steps }: Pick<Plan, 'steps'>) {
  const copies = new Map<string, readonly { readonly name: string; readonly bytes: number }[]>();
  let memory = 0;
  for (const step of steps) {
    const launch = readCall(launchActions, 'launchVms', step.do);
    const setting = launch?.settings.find((text) => text.startsWith('memory='));
    if (setting !== undefined) memory = Number(setting.slice('memory='.length));
    const copy = readCall(launchActions, 'fetchImages', step.do);
    if (copy) copies.set(step.node, copy.files);
  }
  return { memory, copies };
}
