// The first screen before there is a cluster: what to do first, or next with the nodes that were added.
import { Waypoints } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { attachKind, bridgeKind, deployKind } from '../../core/plans/kinds.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import type { MeshNode } from '../fleet/mesh-view.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';

interface NoClusterProps {
  /** Nodes that run no meshd yet. */
  added: readonly MeshNode[];
  /** The button for it. */
  addNodes: ReactElement;
}

export function NoCluster({ added, addNodes }: NoClusterProps): ReactElement {
  const deploying = usePlanRefusal(deployKind);
  const attaching = usePlanRefusal(attachKind);
  const bridging = usePlanRefusal(bridgeKind);
  if (added.length === 0) {
    return (
      <>
        <PageHeader title="Overview" />
        <EmptyState icon={<Waypoints />} title="No cluster yet" action={addNodes}>
          Name the machines that are to become one: the console logs in to each, checks it, and shows what it would do
          before it does it. Here you will see whether the cluster is whole, what changed, and what needs you.
        </EmptyState>
      </>
    );
  }
  const names = describeRange(added.map((node) => node.name));
  const nodes = encodeURIComponent(names);
  return (
    <>
      <PageHeader title="Overview" actions={addNodes} />
      <EmptyState
        icon={<Waypoints />}
        title="No cluster yet"
        action={
          <div className="flex flex-wrap justify-center gap-2">
            <Button variant="primary" disabledReason={deploying} render={<Link href={`/deploy?nodes=${nodes}`} />}>
              Deploy to them
            </Button>
            <Button disabledReason={attaching} render={<Link href={`/attach?nodes=${nodes}`} />}>
              Attach to their minimega
            </Button>
            <Button disabledReason={bridging} render={<Link href={`/bridge?nodes=${nodes}`} />}>
              Bridge their NICs
            </Button>
            <Button variant="ghost" render={<Link href="/nodes" />}>
              Look at them
            </Button>
          </div>
        }
      >
        <span className="font-mono break-words">{names}</span> {added.length === 1 ? 'takes' : 'take'} the
        console&rsquo;s key and {added.length === 1 ? 'runs' : 'run'} no meshd yet. Deploying makes them one cluster;
        their NICs go into the bridge before or after that.
      </EmptyState>
    </>
  );
}
