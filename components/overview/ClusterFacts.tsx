// A cluster in numbers: nodes, links, versions, VMs, VLANs, CPUs and memory.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { FleetVlan } from '../../contract/fleet.ts';
import { countOf, formatMegabytes } from '../../lib/format.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { countLinks, loadOf, type MeshView } from '../fleet/mesh-view.ts';
import { useClusterPath } from '../frame/use-cluster.ts';

/** `vms`: their states in words; empty where VMs have no rows. */
export function ClusterFacts({
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
