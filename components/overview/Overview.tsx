'use client';
// The first screen: is the cluster whole, what changed, what needs me. Words first, then the picture.
import { Plus, Waypoints } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { addNodesKind, attachKind, bridgeKind, deployKind } from '../../core/plans/kinds.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import type { FleetVlan, FleetVm } from '../../contract/fleet.ts';
import type { RowsKey } from '../../contract/kind-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf, formatAgo, formatClock, formatInstant, formatMegabytes } from '../../lib/format.ts';
import { useFleetPart, useKnownNodes, useRuns } from '../../lib/use-console.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { eventAfter, eventsPerMinute, eventVms, shownNames } from '../fleet/events.ts';
import type { EventLine } from '../fleet/events.ts';
import { countLinks, describeMesh, loadOf } from '../fleet/mesh-view.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { unmetNodes } from '../fleet/added-nodes.ts';
import { useAddedNodes } from '../fleet/use-added.ts';
import { useMesh, useServerNow } from '../fleet/use-mesh.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { clusterName, useClusterPath } from '../frame/use-cluster.ts';
import { usePlanRefusal } from '../frame/use-session.tsx';
import { MeshPicture } from '../topology/MeshPicture.tsx';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateShape } from '../ui/StateMark.tsx';
import { countStates } from '../vms/count-states.ts';
import { LaunchButton } from '../vms/LaunchButton.tsx';
import { describeStates } from '../vms/vm-states.ts';
import { Activity } from './Activity.tsx';
import { attentionOf } from './attention.ts';
import type { Attention } from './attention.ts';
import { hourLines, lineAt, runTimes, type RunLine } from './last-hour.ts';

const shownLines = 14;

export function Overview(): ReactElement {
  const { mesh, status, source } = useMesh();
  const { runs } = useRuns();
  const added = useAddedNodes();
  const now = useServerNow();
  const router = useRouter();
  const withCluster = useClusterPath();
  const adding = usePlanRefusal(addNodesKind);
  const deploying = usePlanRefusal(deployKind);
  const attaching = usePlanRefusal(attachKind);
  const bridging = usePlanRefusal(bridgeKind);
  const clusterId = mesh.cluster?.Id ?? '';
  const events = useFleetPart(({ view }) => view.events);
  const own = useMemo(() => events.filter((event) => event.Cluster === clusterId), [events, clusterId]);
  const lines = hourLines({ events: own, runs, now }, shownLines);
  const vlans = useClusterRows(fleetKeys.vlans, clusterId);
  const vms = useClusterRows(fleetKeys.vms, clusterId);
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
  if (mesh.cluster === null && added.length > 0) {
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
  if (mesh.cluster === null) {
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
          <Panel title="Last hour" isFlush>
            <div className="px-4 pt-3">
              <Activity counts={eventsPerMinute([...own, ...runTimes(runs)], now)} />
            </div>
            {lines.length === 0 ? (
              <p className="px-4 pt-2 pb-4 text-fg-3">
                Nothing changed: no node, link or bridge came or went, and no run was under way.
              </p>
            ) : (
              <ul className="py-2">
                {lines.map((line, index) => (
                  <li key={`${lineAt(line)} ${index}`} className="flex items-baseline gap-3 px-4 py-1">
                    <LineTime at={lineAt(line)} now={now} />
                    {'run' in line ? <RunChange line={line.run} /> : <FleetChange line={line.event} />}
                  </li>
                ))}
              </ul>
            )}
          </Panel>
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

function LineTime({ at, now }: { at: number; now: number }): ReactElement {
  return (
    <time
      dateTime={new Date(at).toISOString()}
      title={formatInstant(at)}
      className="w-16 shrink-0 text-sm text-fg-3 numbers"
    >
      {now - at < 60_000 ? formatAgo(at, now) : formatClock(at)}
    </time>
  );
}

function RunChange({ line }: { line: RunLine }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <>
      <StateShape state={line.state} className="translate-y-px" />
      <span className="min-w-0 break-words">
        <Link href={withCluster(`/runs/${encodeURIComponent(line.run)}`)} className="hover:text-accent hover:underline">
          {line.title}
        </Link>
        : {line.word}
      </span>
    </>
  );
}

function FleetChange({ line }: { line: EventLine }): ReactElement {
  const withCluster = useClusterPath();
  const names = line.isLink ? line.nodes.join(' – ') : describeRange(line.nodes);
  const only = line.nodes.length <= shownNames ? line.nodes[0] : undefined;
  return (
    <>
      <StateShape state={line.state} className="translate-y-px" />
      <span className="min-w-0">
        {line.before === '' ? '' : `${line.before} `}
        {line.vms ? (
          <>
            <Link
              href={withCluster(`/vms?q=${encodeURIComponent(only === undefined ? '' : `node=${only}`)}`)}
              className="font-mono text-sm break-words hover:text-accent hover:underline"
            >
              {eventVms(line)}
            </Link>{' '}
            on{' '}
          </>
        ) : null}
        {only === undefined ? (
          <span className="font-mono text-sm break-words">{names}</span>
        ) : (
          <Link
            href={withCluster(`/mesh?node=${encodeURIComponent(only)}`)}
            className="font-mono text-sm break-words hover:text-accent hover:underline"
          >
            {names}
          </Link>
        )}
        {line.after === '' ? '' : ` ${eventAfter(line)}`}
      </span>
    </>
  );
}

/** Rows of a cluster; the same list as long as no row of the kind changed. */
function useClusterRows<Row extends { Cluster: string }>(kind: RowsKey<Row>, cluster: string): readonly Row[] {
  const rows = useFleetPart(({ view }) => rowsOf(view, kind));
  return useMemo(() => [...rows.values()].filter(({ Cluster }) => Cluster === cluster), [rows, cluster]);
}

/** `vms`: their states in words; empty where VMs have no rows. */
function ClusterFacts({
  mesh,
  vlans,
  vms,
}: {
  mesh: MeshView;
  vlans: readonly FleetVlan[];
  vms: string;
}): ReactElement {
  const withCluster = useClusterPath();
  const aliases = new Set(vlans.flatMap(({ Namespace, Alias }) => (Alias === '' ? [] : [`${Namespace}//${Alias}`])));
  const namespaces = new Set(vlans.flatMap(({ Namespace }) => (Namespace === '' ? [] : [Namespace])));
  const { cluster, nodes, links, members } = mesh;
  const up = countLinks(links, 'up');
  const half = links.size - up;
  const inMesh = nodes.filter((node) => node.facts.State === 'member');
  const hosts = inMesh.flatMap((node) => node.host ?? []);
  const sum = (pick: (host: (typeof hosts)[number]) => number): number =>
    hosts.reduce((total, host) => total + pick(host), 0);
  const load = inMesh.reduce((total, node) => total + (loadOf(node) ?? 0), 0);
  const head = nodes.find((node) => node.facts.Head);
  const degrees = [...new Set(inMesh.flatMap((node) => node.facts.Degree ?? []))].sort((a, b) => a - b);
  const versions = [...new Set(hosts.map((host) => host.Version))];
  return (
    <FactList>
      <Fact name="Nodes">
        {members} in the mesh, {nodes.length} known
      </Fact>
      <Fact name="Links">
        {up}
        {half === 0 ? '' : `, ${half} half`}
        {degrees.length === 0 ? null : <span className="text-fg-3"> (degree {degrees.join(', ')})</span>}
      </Fact>
      <Fact name="Head" isMono>
        {head?.name ?? '–'}
      </Fact>
      <Fact name={cluster?.Engine ?? 'meshd'} isMono>
        {versions.length === 0 ? '–' : versions.join(', ')}
        {versions.length > 1 ? <span className="font-sans text-warn"> versions differ</span> : null}
      </Fact>
      <Fact name="VMs">{vms === '' ? (hosts.length === 0 ? '–' : sum((host) => host.VMs)) : vms}</Fact>
      <Fact name="VLANs">
        <Link href={withCluster('/vlans')} className="rounded-sm hover:text-accent hover:underline">
          {aliases.size}
          {namespaces.size < 2 ? '' : ` in ${countOf(namespaces.size, 'namespace')}`}
        </Link>
      </Fact>
      <Fact name="CPUs">{hosts.length === 0 ? '–' : `${sum((host) => host.CPUs)}, load ${load.toFixed(1)}`}</Fact>
      <Fact name="Memory">
        {hosts.length === 0
          ? '–'
          : `${formatMegabytes(sum((host) => host.MemUsed))} of ${formatMegabytes(sum((host) => host.MemTotal))} used`}
      </Fact>
      {hosts.length === inMesh.length ? null : <Fact name="Facts">of {countOf(hosts.length, 'node')} so far</Fact>}
    </FactList>
  );
}
