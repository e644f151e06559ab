'use client';
// The path between two VMs, hop by hop. The VMs are in the URL; nothing is sent before somebody asks for it.
import { Network, Radar } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import { useFleetPart } from '../../lib/use-console.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { TraceForm } from './TraceForm.tsx';
import { TraceOutcome } from './TraceOutcome.tsx';
import { useTrace } from './use-probes.ts';
import { useTraceEnds } from './use-trace-ends.ts';

export function TracePage(): ReactElement {
  const cluster = useCluster()?.Id ?? '';
  const status = useFleetPart((state) => state.status);
  const withCluster = useClusterPath();
  const trace = useTrace(cluster);
  const choice = useTraceEnds(cluster);
  if (status === 'loading') return <SkeletonRows label="The VMs are loading" count={6} />;
  return (
    <>
      <PageHeader
        title="Trace a path"
        actions={
          <>
            <Button icon={<Network className="size-4" />} render={<Link href={withCluster('/vlans')} />}>
              VLAN map
            </Button>
            <Button icon={<Radar className="size-4" />} render={<Link href={withCluster('/vlans/probe')} />}>
              Probe
            </Button>
          </>
        }
      />
      <TraceForm choice={choice} trace={trace} />
      <TraceOutcome trace={trace} line={choice.line} hasVms={choice.vms.length > 0} />
    </>
  );
}
