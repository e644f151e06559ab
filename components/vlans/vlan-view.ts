// The VLANs of one cluster as its pages show them: who holds which number, and how many VMs of each are on which node. Pure; what
// keeps it up to date is in vlan-index.ts.
import type { FleetNamespace, FleetNode, FleetVlan, FleetVm } from '../../contract/fleet.ts';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf, type FleetView } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { maxVlan, parseAlias } from '../../core/vlans/names.ts';
import type { VmCount } from './vm-count.ts';

/** A number with one of its holders. */
export interface VlanName {
  /** `<number> <namespace> <alias>`; both empty: the number is used as it is, or blacklisted. */
  readonly key: string;
  readonly vlan: number;
  readonly namespace: string;
  readonly alias: string;
}

/** Another object whenever anything in it changed, and the same as long as nothing did. */
export interface MapVlan extends VlanName {
  /** Id of the member that decides on the number; empty while it is not known. */
  readonly owner: string;
  readonly isPinned: boolean;
  readonly isSplit: boolean;
  readonly isClash: boolean;
  /** False: VMs use it, and the cluster's table does not name it. */
  readonly isListed: boolean;
  /** By node id: those that have VMs on it. */
  readonly cells: ReadonlyMap<string, VmCount>;
  readonly sum: VmCount;
}

export interface MapNode {
  readonly id: string;
  readonly name: string;
  readonly state: FleetNode['State'];
  /** Its bridge and the NIC in it; empty: it has none. Null while the node does not say. */
  readonly bridge: string | null;
  readonly uplink: string | null;
}

export interface MapNamespace {
  readonly name: string;
  /** First and last number that its aliases get, as far as they are numbers of VLANs; null: those of the default namespace. */
  readonly range: readonly [number, number] | null;
}

export interface VlanMap {
  /** Id of the cluster; empty without one. */
  readonly cluster: string;
  /** By namespace, alias and number; numbers without an alias last. */
  readonly vlans: readonly MapVlan[];
  readonly byKey: ReadonlyMap<string, MapVlan>;
  /** By name. Revoked ones only while they have VMs. */
  readonly nodes: readonly MapNode[];
  /** By name, those without VLANs too. */
  readonly namespaces: readonly MapNamespace[];
}

export const emptyVlanMap: VlanMap = { cluster: '', vlans: [], byKey: new Map(), nodes: [], namespaces: [] };

export function nameOfVlan(vlan: number, namespace: string, alias: string): VlanName {
  return { key: `${vlan} ${namespace} ${alias}`, vlan, namespace, alias };
}

export function nameOfRow({ Vlan, Namespace, Alias }: FleetVlan): VlanName {
  return nameOfVlan(Vlan, Namespace, Alias);
}

/** What a VM's interfaces are on, each once. An interface without a cable is on nothing. */
export function namesOfVm({ Vlans, Aliases, Namespace }: FleetVm): VlanName[] {
  const names = new Map<string, VlanName>();
  Vlans.forEach((vlan, nic) => {
    if (vlan < 1) return;
    // As `vm info` shows it: with its namespace where that is another.
    const text = Aliases[nic] ?? '';
    const parsed = text === '' ? null : parseAlias(text, Namespace);
    const name = parsed?.ok === true ? parsed.value : { namespace: '', alias: '' };
    const named = nameOfVlan(vlan, name.namespace, name.alias);
    names.set(named.key, named);
  });
  return [...names.values()];
}

/** By namespace, alias, number; numbers without an alias last. */
export function compareVlans(a: VlanName, b: VlanName): number {
  if ((a.alias === '') !== (b.alias === '')) return a.alias === '' ? 1 : -1;
  return compareNames(a.namespace, b.namespace) || compareNames(a.alias, b.alias) || a.vlan - b.vlan;
}

/** Nodes of a cluster by name; those of `previous` that say nothing new stay the same objects, and so does the list. */
export function mapNodes(
  view: Pick<FleetView, 'rows'>,
  { cluster, hasVms }: { cluster: string; hasVms: (id: string) => boolean },
  previous: readonly MapNode[] = [],
): readonly MapNode[] {
  const bridges = rowsOf(view, fleetKeys.bridges);
  const known = new Map(previous.map((node) => [node.id, node]));
  const nodes: MapNode[] = [];
  for (const { Id: id, Name: name, State: state, Cluster } of rowsOf(view, fleetKeys.nodes).values()) {
    if (Cluster !== cluster || (state === 'revoked' && !hasVms(id))) continue;
    const row = bridges.get(id);
    const node = { id, name, state, bridge: row?.Bridge ?? null, uplink: row?.Uplink ?? null };
    const before = known.get(id);
    nodes.push(before && isSameNode(before, node) ? before : node);
  }
  const hasOrder = nodes.length === previous.length && nodes.every((node) => known.get(node.id)?.name === node.name);
  if (!hasOrder) return nodes.sort((a, b) => compareNames(a.name, b.name) || (a.id < b.id ? -1 : 1));
  if (nodes.every((node) => known.get(node.id) === node)) return previous;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return previous.map((node) => byId.get(node.id) ?? node);
}

function isSameNode(a: MapNode, b: MapNode): boolean {
  return a.name === b.name && a.state === b.state && a.bridge === b.bridge && a.uplink === b.uplink;
}

/** Those that the cluster has, and those that VLANs are of. */
export function mapNamespaces(
  rows: Iterable<FleetNamespace>,
  { cluster, vlans }: { cluster: string; vlans: Iterable<VlanName> },
): readonly MapNamespace[] {
  const byName = new Map<string, MapNamespace>();
  for (const { namespace } of vlans) if (namespace !== '') byName.set(namespace, { name: namespace, range: null });
  for (const { Cluster, Name: name, VlanMin, VlanMax } of rows) {
    if (Cluster !== cluster) continue;
    byName.set(name, {
      name,
      range: VlanMin === null || VlanMax === null ? null : [VlanMin, Math.min(VlanMax, maxVlan)],
    });
  }
  return [...byName.values()].sort((a, b) => compareNames(a.name, b.name));
}
