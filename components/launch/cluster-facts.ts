// What the wizard shows of a cluster while one types: its images, VLANs, hosts and names, from the rows of its kinds. Pure.
import type { FleetFile, FleetHost, FleetNamespace, FleetNode, FleetVlan, FleetVm } from '../../contract/fleet.ts';
import type { ImageUse } from '../../contract/uploads.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { LaunchHost } from '../../core/plans/vms/place.ts';

export interface ClusterRows {
  readonly cluster: string;
  readonly attachedTo: string;
  readonly nodes: ReadonlyMap<string, FleetNode>;
  readonly hosts: ReadonlyMap<string, FleetHost>;
  readonly files: ReadonlyMap<string, FleetFile>;
  readonly vlans: ReadonlyMap<string, FleetVlan>;
  readonly vms: ReadonlyMap<string, FleetVm>;
  readonly namespaces: ReadonlyMap<string, FleetNamespace>;
}

/** A file as one chooses it: one line for all nodes that have it. */
export interface Image {
  readonly name: string;
  readonly format: string;
  /** Bytes of the copy that the head, else the newest, has. */
  readonly bytes: number;
  /** Names of the nodes that have it, in natural order. */
  readonly nodes: readonly string[];
  /** Nodes have different files of this name. */
  readonly differs: boolean;
}

const formatsOf: Readonly<Record<ImageUse, readonly string[]>> = {
  disk: ['qcow2', 'raw', 'iso'],
  kernel: ['kernel'],
  initrd: ['initrd'],
  cdrom: ['iso'],
};

export function fits(image: Pick<Image, 'format'>, use: ImageUse): boolean {
  return formatsOf[use].includes(image.format);
}

export interface Images {
  readonly images: readonly Image[];
  /** Files that nodes have no row for. */
  readonly untold: number;
}

/** Complete files of the members, by name. */
export function imagesOf({ cluster, nodes, files }: Pick<ClusterRows, 'cluster' | 'nodes' | 'files'>): Images {
  const byName = new Map<string, FleetFile[]>();
  let untold = 0;
  for (const file of files.values()) {
    if (file.Cluster !== cluster) continue;
    if (file.State === 'more') untold += file.Size;
    if (file.State === 'here') byName.set(file.Name, [...(byName.get(file.Name) ?? []), file]);
  }
  const images = [...byName].map(([name, copies]): Image => {
    const counts = copies.find(({ Node }) => nodes.get(Node)?.Head) ?? newest(copies);
    return {
      name,
      format: counts?.Format ?? 'other',
      bytes: counts?.Size ?? 0,
      nodes: copies.map(({ Node }) => nodes.get(Node)?.Name ?? Node).sort(compareNames),
      differs: new Set(copies.map(({ Size, Hash }) => `${Size} ${Hash}`)).size > 1 && haveHashes(copies),
    };
  });
  return { images: images.sort((a, b) => compareNames(a.name, b.name)), untold };
}

/** Files of the node that the console is attached to, on their way there too, by name. */
export function filesHere({
  cluster,
  attachedTo,
  nodes,
  files,
}: Pick<ClusterRows, 'cluster' | 'attachedTo' | 'nodes' | 'files'>): ReadonlyMap<string, FleetFile> {
  const here = [...files.values()].filter(
    (file) => file.Cluster === cluster && file.State !== 'more' && nodes.get(file.Node)?.Name === attachedTo,
  );
  return new Map(here.map((file) => [file.Name, file]));
}

const newest = (copies: readonly FleetFile[]) =>
  copies.reduce<FleetFile | undefined>((a, b) => (a && a.Modified >= b.Modified ? a : b), undefined);

/** A node that has not computed a hash yet says nothing. */
const haveHashes = (copies: readonly FleetFile[]) =>
  copies.every(({ Hash }) => Hash !== '') || new Set(copies.map(({ Size }) => Size)).size > 1;

/** A VLAN of a namespace, and where VMs are on it. */
export interface LanChoice {
  readonly alias: string;
  readonly vlan: number;
  /** VMs by node name. */
  readonly vmsOn: ReadonlyMap<string, number>;
  readonly vms: number;
}

export function lansOf({ cluster, vlans, vms, nodes }: Omit<ClusterRows, 'hosts'>, namespace: string): LanChoice[] {
  const own = [...vlans.values()].filter(
    (row) => row.Cluster === cluster && row.Namespace === namespace && row.Alias !== '',
  );
  const on = new Map<number, Map<string, number>>();
  for (const vm of vms.values()) {
    if (vm.Cluster !== cluster || vm.State === 'QUIT' || vm.State === 'ERROR') continue;
    const node = nodes.get(vm.Node)?.Name ?? vm.Node;
    for (const vlan of new Set(vm.Vlans)) {
      const counts = on.get(vlan) ?? new Map<string, number>();
      on.set(vlan, counts.set(node, (counts.get(node) ?? 0) + 1));
    }
  }
  return own
    .map(({ Alias, Vlan }) => {
      const vmsOn: ReadonlyMap<string, number> = on.get(Vlan) ?? new Map();
      return { alias: Alias, vlan: Vlan, vmsOn, vms: [...vmsOn.values()].reduce((sum, count) => sum + count, 0) };
    })
    .sort((a, b) => compareNames(a.alias, b.alias));
}

/** Who holds a number: `lab//lan`, empty for one that is used without an alias or blacklisted; undefined: nobody. */
export function holderOf({ cluster, vlans }: Pick<ClusterRows, 'cluster' | 'vlans'>, vlan: number): string | undefined {
  for (const row of vlans.values()) {
    if (row.Cluster === cluster && row.Vlan === vlan) return row.Alias === '' ? '' : `${row.Namespace}//${row.Alias}`;
  }
  return undefined;
}

/** Names of the nodes that run a namespace's VMs; of one that is new, all but the one that the console is attached to. */
export function hostsOf(
  { cluster, attachedTo, nodes, namespaces }: Pick<ClusterRows, 'cluster' | 'attachedTo' | 'nodes' | 'namespaces'>,
  namespace: string,
): string[] {
  const members = [...nodes.values()].filter((node) => node.Cluster === cluster && node.State === 'member');
  const known = [...namespaces.values()].find((row) => row.Cluster === cluster && row.Name === namespace);
  const listed = new Set(known?.Hosts ?? []);
  const isHost = ({ Id, Name }: FleetNode) =>
    known ? known.AllBut !== listed.has(Id) : Name !== attachedTo || members.length === 1;
  return members
    .filter(isHost)
    .map(({ Name }) => Name)
    .sort(compareNames);
}

/** The members of a cluster as places of VMs, in natural order; those whose facts have not come yet are left out. */
export function placesOf({ cluster, nodes, hosts }: Pick<ClusterRows, 'cluster' | 'nodes' | 'hosts'>): LaunchHost[] {
  return [...nodes.values()]
    .filter((node) => node.Cluster === cluster && node.State === 'member')
    .flatMap((node): LaunchHost[] => {
      const host = hosts.get(node.Id);
      if (!host) return [];
      return [
        {
          name: node.Name,
          cpus: host.CPUs,
          memoryMb: host.MemTotal,
          committedMemoryMb: host.MemCommit,
          committedCpus: host.CPUCommit,
          committedNets: host.NetworkCommit,
          vmLimit: host.Limit,
          vms: host.VMs,
        },
      ];
    })
    .sort((a, b) => compareNames(a.name, b.name));
}

/** Nodes by the names that a namespace has taken. */
export function takenNames(
  { cluster, vms, nodes }: Pick<ClusterRows, 'cluster' | 'vms' | 'nodes'>,
  namespace: string,
): ReadonlyMap<string, string> {
  return new Map(
    [...vms.values()]
      .filter((vm) => vm.Cluster === cluster && vm.Namespace === namespace)
      .map((vm) => [vm.Name, nodes.get(vm.Node)?.Name ?? vm.Node]),
  );
}
