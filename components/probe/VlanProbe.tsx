// Of one VLAN in the inspector: what the last probe said of it, and the ways to probe it and to trace between two of its VMs.
import { Radar, Route } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { verdictOfVlan } from '../../core/probe/verdicts.ts';
import { formatAgo } from '../../lib/format.ts';
import { useNow } from '../../lib/use-console.ts';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { tracePath, usualEnds } from './trace-choice.ts';
import { useProbe } from './use-probes.ts';
import { VerdictMark } from './verdict-looks.tsx';

const everyMs = 30_000;

export function VlanProbe({ vlan, vms }: { vlan: number; vms: readonly FleetVm[] }): ReactElement {
  const now = useNow(everyMs);
  const withCluster = useClusterPath();
  const result = useProbe(useCluster()?.Id ?? '').last?.result ?? null;
  const isProbed = result?.vlans.some((each) => each.vlan === vlan) ?? false;
  const ends = usualEnds(vms);
  return (
    <div className="flex flex-col gap-2">
      {result === null || !isProbed ? (
        <p className="text-fg-3">Not probed from this tab.</p>
      ) : (
        <p className="flex flex-wrap items-baseline gap-x-2">
          <VerdictMark verdict={verdictOfVlan(result, vlan, now)} />
          <Link href={withCluster(`/vlans/probe?vlan=${vlan}`)} className="text-sm text-accent hover:underline">
            Paths, {formatAgo(result.atMs, Math.max(now, result.atMs))}
          </Link>
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        <Button
          size="sm"
          icon={<Radar className="size-4" />}
          render={<Link href={withCluster(`/vlans/probe?vlans=${vlan}`)} prefetch={false} />}
        >
          Probe it…
        </Button>
        {ends === null ? null : (
          <Button
            size="sm"
            icon={<Route className="size-4" />}
            render={<Link href={withCluster(tracePath(ends))} prefetch={false} />}
          >
            Trace between VMs…
          </Button>
        )}
      </div>
    </div>
  );
}
