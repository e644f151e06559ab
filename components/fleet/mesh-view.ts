// One cluster as its pages show it: nodes with their peers and state in words, links, counts. Pure, and made again only
// when nodes or links changed.
import type { FleetBridge, FleetCluster, FleetHost, FleetLink, FleetNode } from '../../contract/fleet.ts';
import type { KnownNode } from '../../contract/known-nodes.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import type { State } from '../ui/StateMark.tsx';

export interface MeshNode {
  readonly id: string;
  readonly name: string;
  readonly facts: FleetNode;
  /** What it says of its machine and of its bridge; null while it does not. */
  readonly host: FleetHost | null;
  readonly bridge: FleetBridge | null;
  /** Ids of nodes with which a link is up, in the order of their names. */
  readonly peers: readonly string[];
  /** Ids of nodes where only one side lists the link. */
  readonly halfPeers: readonly string[];
  /** Links it should hold: its degree, or all others where these are fewer; null while it is not known. */
  readonly wanted: number | null;
  readonly state: State;
  /** The state in a word or two, without its age. */
  readonly word: string;
  /** What the console knows of a node that is in no mesh (added-nodes.ts); null for those of the mesh. */
  readonly added: KnownNode | null;
}

export interface MeshView {
  readonly cluster: FleetCluster | null;
  /** By name, in natural order. */
  readonly nodes: readonly MeshNode[];
  readonly byId: ReadonlyMap<string, MeshNode>;
  readonly byName: ReadonlyMap<string, MeshNode>;
  /** By `linkKey`. */
  readonly links: ReadonlyMap<string, FleetLink>;
  readonly members: number;
}

export const emptyMesh: MeshView = {
  cluster: null,
  nodes: [],
  byId: new Map(),
  byName: new Map(),
  links: new Map(),
  members: 0,
};

/**
 * `previous`: the view before, of which everything is kept that did not change: a node or link that is another object has
 * something new to show, and one that is the same has not, the names of its peers included.
 */
export function meshView(
  fleet: Pick<FleetView, 'nodes' | 'links' | 'hosts' | 'bridges'>,
  cluster: FleetCluster | null,
  previous: MeshView = emptyMesh,
): MeshView {
  if (cluster === null) return emptyMesh;
  const own = [...fleet.nodes.values()].filter((node) => node.Cluster === cluster.Id);
  const isSameSet =
    own.length === previous.nodes.length && own.every((node) => previous.byId.get(node.Id)?.name === node.Name);
  // Names order everything: with another set of them nothing of the view before can stay.
  const base = isSameSet ? previous : emptyMesh;
  const facts = isSameSet ? fleet.nodes : new Map(own.map((node) => [node.Id, node]));
  const links = linksBetween(fleet.links, { cluster: cluster.Id, nodes: facts, previous: base.links });
  const members = own.reduce((count, node) => count + (node.State === 'member' ? 1 : 0), 0);
  const touched = touchedNodes(base.links, links);
  const peersOf = peerLists(facts, links, touched);
  const drawn = (node: FleetNode, known: MeshNode | undefined): MeshNode => {
    const wanted = node.Degree === null ? null : Math.min(node.Degree, Math.max(0, members - 1));
    const peers = known && !touched.has(node.Id) ? known.peers : (peersOf.get(node.Id)?.up ?? []);
    const halfPeers = known && !touched.has(node.Id) ? known.halfPeers : (peersOf.get(node.Id)?.half ?? []);
    const state = stateOf(node, peers.length, wanted, members);
    const host = fleet.hosts.get(node.Id) ?? null;
    const bridge = fleet.bridges.get(node.Id) ?? null;
    const isSame =
      known?.facts === node &&
      known.host === host &&
      known.bridge === bridge &&
      known.peers === peers &&
      known.wanted === wanted &&
      known.word === state.word;
    if (isSame) return known;
    const rows = { facts: node, host, bridge };
    return { id: node.Id, name: node.Name, ...rows, peers, halfPeers, wanted, ...state, added: null };
  };
  const nodes = isSameSet
    ? // They have their order already; the set is the same, so each is there.
      base.nodes.map((known) => drawn(fleet.nodes.get(known.id) ?? known.facts, known))
    : own.map((node) => drawn(node, undefined)).sort((a, b) => compareNames(a.name, b.name) || (a.id < b.id ? -1 : 1));
  if (isSameSet && links === base.links && nodes.every((node, index) => node === base.nodes[index])) {
    return cluster === base.cluster ? base : { ...base, cluster };
  }
  return {
    cluster,
    nodes,
    byId: new Map(nodes.map((node) => [node.id, node])),
    byName: new Map(nodes.map((node) => [node.name, node])),
    links,
    members,
  };
}

/** Links whose ends are both nodes of the cluster; `previous` when they are the same. */
function linksBetween(
  all: ReadonlyMap<string, FleetLink>,
  parts: { cluster: string; nodes: ReadonlyMap<string, FleetNode>; previous: ReadonlyMap<string, FleetLink> },
): ReadonlyMap<string, FleetLink> {
  const { cluster, nodes, previous } = parts;
  const links = new Map<string, FleetLink>();
  let isSame = true;
  for (const [key, link] of all) {
    if (nodes.get(link.A)?.Cluster !== cluster || nodes.get(link.B)?.Cluster !== cluster) continue;
    links.set(key, link);
    isSame &&= previous.get(key) === link;
  }
  return isSame && links.size === previous.size ? previous : links;
}

/** Ids of nodes of which a link came, went or changed. */
function touchedNodes(
  previous: ReadonlyMap<string, FleetLink>,
  next: ReadonlyMap<string, FleetLink>,
): ReadonlySet<string> {
  const touched = new Set<string>();
  if (previous === next) return touched;
  for (const [key, link] of next) if (previous.get(key) !== link) touched.add(link.A).add(link.B);
  for (const [key, link] of previous) if (!next.has(key)) touched.add(link.A).add(link.B);
  return touched;
}

/** Peers of each node in `wanted`, in the order of their names. */
function peerLists(
  nodes: ReadonlyMap<string, FleetNode>,
  links: ReadonlyMap<string, FleetLink>,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, { up: string[]; half: string[] }> {
  const lists = new Map([...wanted].map((id) => [id, { up: [] as string[], half: [] as string[] }]));
  if (wanted.size === 0) return lists;
  for (const { A: a, B: b, State: state } of links.values()) {
    lists.get(a)?.[state].push(b);
    lists.get(b)?.[state].push(a);
  }
  const byName = (a: string, b: string): number => compareNames(nodes.get(a)?.Name ?? a, nodes.get(b)?.Name ?? b);
  for (const { up, half } of lists.values()) {
    up.sort(byName);
    half.sort(byName);
  }
  return lists;
}

function stateOf(
  node: FleetNode,
  peers: number,
  wanted: number | null,
  members: number,
): { state: State; word: string } {
  switch (node.State) {
    case 'revoked':
      return { state: 'bad', word: 'revoked' };
    case 'absent':
      return node.LostAt === null ? { state: 'lost', word: 'not in the mesh' } : { state: 'lost', word: 'lost' };
    case 'member':
      if (members > 1 && peers === 0) return { state: 'warn', word: 'no links' };
      if (wanted !== null && peers < wanted) return { state: 'busy', word: 'making links' };
      return { state: 'ok', word: 'in the mesh' };
  }
}

/** How many links are in a state. */
export function countLinks(links: MeshView['links'], state: FleetLink['State']): number {
  let count = 0;
  for (const link of links.values()) if (link.State === state) count += 1;
  return count;
}

/** How many of `nodes` are in each state. */
export function countStates(nodes: readonly MeshNode[]): Record<State, number> {
  const counts: Record<State, number> = { ok: 0, busy: 0, warn: 0, bad: 0, lost: 0 };
  for (const node of nodes) counts[node.state] += 1;
  return counts;
}

/** Characters of names that fit a sentence. */
const longestNames = 40;

/** The cluster in one sentence and its worst state: the first thing that a page says. */
export function describeMesh(mesh: MeshView): { state: State; text: string } {
  const { cluster, nodes, members } = mesh;
  if (cluster === null) return { state: 'lost', text: 'No cluster yet' };
  // A revoked node is out on purpose and does not count as lost.
  const expected = nodes.filter((node) => node.facts.State !== 'revoked').length;
  const share =
    expected === 0
      ? 'No nodes yet'
      : members === expected
        ? expected === 1
          ? 'One node, alone in its mesh'
          : `All ${expected} nodes in the mesh`
        : `${members} of ${expected} nodes in the mesh`;
  if (cluster.State === 'lost') return { state: 'bad', text: `${share}, as last seen: no node answers the console` };
  const counts = countStates(nodes);
  if (counts.lost > 0) {
    const names = describeRange(nodes.filter((node) => node.state === 'lost').map((node) => node.name));
    return { state: 'bad', text: names.length <= longestNames ? `${share}, without ${names}` : share };
  }
  if (counts.warn > 0) return { state: 'warn', text: `${share}, ${counts.warn} without a link` };
  if (cluster.State === 'attaching')
    return { state: 'busy', text: `${share}, as last seen: attaching to another node` };
  if (counts.busy > 0) return { state: 'busy', text: `${share}, ${counts.busy} still making links` };
  return { state: 'ok', text: share };
}

/** First of three load averages; null while unknown. */
export function loadOf({ host }: Pick<MeshNode, 'host'>): number | null {
  const first = Number.parseFloat(host?.Load ?? '');
  return Number.isFinite(first) ? first : null;
}
