// What can be done with all nodes that are ticked.
import Link from 'next/link';
import type { ReactElement } from 'react';
import { bridgeKind, deployKind } from '../../core/plans/kinds.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';

interface TickedNodesProps {
  names: ReadonlySet<string>;
  /** Those of them that take no commands yet. */
  withoutMeshd: readonly string[];
  onCommand: () => void;
  onClear: () => void;
}

export function TickedNodes({ names, withoutMeshd, onCommand, onClear }: TickedNodesProps): ReactElement {
  const withCluster = useClusterPath();
  const deploying = usePlanRefusal(deployKind);
  const bridging = usePlanRefusal(bridgeKind);
  const range = describeRange(names);
  return (
    <div className="ml-auto flex flex-wrap items-center gap-2 rounded-md border border-accent/40 bg-accent-soft px-2 max-md:w-full max-md:py-2 md:py-px max-md:[&_:is(a,button)]:h-11">
      <span className="text-sm">
        {names.size} ticked: <span className="font-mono break-all">{range}</span>
      </span>
      <Button
        size="sm"
        disabledReason={
          withoutMeshd.length === 0 ? '' : `${describeRange(withoutMeshd)} runs no meshd: it takes no commands.`
        }
        onClick={onCommand}
      >
        Run a command…
      </Button>
      <Button
        size="sm"
        disabledReason={deploying}
        render={<Link href={withCluster(`/deploy?nodes=${encodeURIComponent(range)}`)} />}
      >
        Deploy…
      </Button>
      <Button
        size="sm"
        disabledReason={bridging}
        render={<Link href={withCluster(`/bridge?nodes=${encodeURIComponent(range)}`)} />}
      >
        Bridge…
      </Button>
      <Button size="sm" variant="ghost" onClick={onClear}>
        Clear
      </Button>
    </div>
  );
}
