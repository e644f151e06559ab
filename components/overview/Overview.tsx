'use client';
// The first screen: is the cluster whole, what changed, what needs me. Words first, then the picture.
import { Plus } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { addNodesKind } from '../../core/plans/kinds.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import type { FleetVm } from '../../contract/fleet.ts';
import type { RowsKey } from '../../contract/kind-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useFleetPart, useKnownNodes, useRuns } from '../../lib/use-console.ts';
import { describeMesh } from '../fleet/mesh-view.ts';
import { unmetNodes } from '../fleet/added-nodes.ts';
import { useAddedNodes } from '../fleet/use-added.ts';
import { useMesh, useServerNow } from '../fleet/use-mesh.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { clusterName, useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { MeshPicture } from '../topology/MeshPicture.tsx';
import { Button } from '../ui/Button.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateShape } from '../ui/StateMark.tsx';
import { countStates } from '../vms/count-states.ts';
import { LaunchButton } from '../vms/LaunchButton.tsx';
import { describeStates } from '../vms/vm-states.ts';
import type { Attention } from './attention-item.ts';
import { attentionOf } from './attention.ts';
import { ClusterFacts } from './ClusterFacts.tsx';
import { LastHour } from './LastHour.tsx';
import { NoCluster } from './NoCluster.tsx';

export function Overview(): ReactElement {
  const { mesh, status, source } = useMesh();
  const { runs } = useRuns();
  const added = useAddedNodes();
  const now = useServerNow();
  const router = useRouter();
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  const clusterId = mesh.cluster?.Id ?? '';
  const events = useFleetPart(({ view }) => view.events);
  const own = useMemo(() => events.filter((event) => event.Cluster === clusterId), [events, clusterId]);
  const vlans = useRowsOfCluster(fleetKeys.vlans, clusterId);
  const vms = useRowsOfCluster(fleetKeys.vms, clusterId);
  const { nodes: known } = useKnownNodes();
  const items = attentionOf(mesh, { added, unmet: unmetNodes(mesh, known.values()), runs, vlans, vms, now });

  const addNodes = (
    <Button
      variant={mesh.cluster === null && added.length === 0 ? 'primary' : 'secondary'}
      icon={<Plus className="size-4" />}
      disabledReason={adding}
      render={<Link href={withCluster('/add-nodes')} />}
    >
      Add nodes
    </Button>
  );
  if (status === 'loading') return <SkeletonRows label="The cluster is loading" />;
  if (mesh.cluster === null) return <NoCluster added={added} addNodes={addNodes} />;

  const summary = describeMesh(mesh);
  return (
    <>
      <PageHeader
        title="Overview"
        actions={
          <>
            {addNodes}
            <LaunchButton />
          </>
        }
      />
      <div className="grid min-w-0 gap-4 px-4 pb-6 md:px-6 xl:grid-cols-[minmax(0,1fr)_minmax(0,26rem)]">
        <div className="flex min-w-0 flex-col gap-4">
          <section className="rounded-md border bg-surface-1" aria-label="Health">
            <p className="flex items-center gap-3 px-4 py-4 text-lg font-semibold" role="status">
              <StateShape state={summary.state} className="size-4" />
              <span className="min-w-0">
                {summary.text}
                {items.length === 0 && summary.state === 'ok' ? '. Nothing needs you.' : '.'}
              </span>
            </p>
            {items.length === 0 ? null : (
              <ul className="border-t">
                {items.map((item) => (
                  <AttentionLine key={item.key} item={item} />
                ))}
              </ul>
            )}
          </section>
          <Panel
            title="Mesh"
            isFlush
            actions={
              <Button size="sm" variant="ghost" render={<Link href={withCluster('/mesh')} />}>
                Open
              </Button>
            }
          >
            <MeshPicture
              source={source}
              selected={null}
              matching={null}
              cutNodes={null}
              cutLinks={null}
              onSelect={(name) => {
                if (name !== null) router.push(withCluster(`/mesh?node=${encodeURIComponent(name)}`));
              }}
              className="relative h-[min(52dvh,560px)] min-h-72"
            />
          </Panel>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <Panel title={<span className="font-mono">{clusterName(mesh.cluster)}</span>}>
            <ClusterFacts mesh={mesh} vlans={vlans} vms={describeCount(vms)} />
          </Panel>
          <LastHour events={own} runs={runs} now={now} />
        </div>
      </div>
    </>
  );
}

/** `17: 12 running, 5 paused`; empty without any. */
function describeCount(vms: readonly FleetVm[]): string {
  return vms.length === 0 ? '' : `${vms.length}: ${describeStates(countStates(vms))}`;
}

function AttentionLine({ item }: { item: Attention }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <li className="flex items-center gap-3 border-b px-4 py-2.5 last:border-b-0">
      <StateShape state={item.state} />
      <span className="min-w-0 flex-1">
        <span>
          {item.names === '' ? null : <span className="font-mono text-sm font-medium break-words">{item.names} </span>}
          {item.text}
        </span>
        {item.detail === '' ? null : <span className="block text-sm break-words text-fg-3">{item.detail}</span>}
      </span>
      <Button size="sm" render={<Link href={withCluster(item.href)} />}>
        {item.action}
      </Button>
    </li>
  );
}

/** Rows of a cluster; the same list as long as no row of the kind changed. */
function useRowsOfCluster<Row extends { Cluster: string }>(kind: RowsKey<Row>, cluster: string): readonly Row[] {
  const rows = useFleetPart(({ view }) => rowsOf(view, kind));
  return useMemo(() => [...rows.values()].filter(({ Cluster }) => Cluster === cluster), [rows, cluster]);
}
