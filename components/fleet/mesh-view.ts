// One cluster as its pages show it: nodes with their peers and state in words, links, counts. Pure, and made again only
// when nodes or links changed.
import type { FleetBridge, FleetCluster, FleetHost, FleetLink, FleetNode } from '../../contract/fleet.ts';
import type { KnownNode } from '../../contract/known-nodes.ts';
import { changedKeys, changedMap } from '../../core/row-map.ts';
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

/** Rows that a view is made of. */
export type MeshRows = Pick<FleetView, 'nodes' | 'links' | 'hosts' | 'bridges'>;

/**
 * `before`: the view before and the rows it was made of. Everything is kept of it that did not change: a node or link that is
 * another object has something new to show, and one that is the same has not, the names of its peers included. It costs what
 * changed, not what exists.
 */
export function meshView(
  fleet: MeshRows,
  cluster: FleetCluster | null,
  before: { readonly mesh: MeshView; readonly rows: MeshRows } | null = null,
): MeshView {
  if (cluster === null) return emptyMesh;
  const next = before?.mesh.cluster?.Id === cluster.Id ? followMesh(fleet, before.mesh, before.rows) : null;
  if (next === null) return wholeMesh(fleet, cluster);
  return next.cluster === cluster ? next : { ...next, cluster };
}

function wholeMesh(fleet: MeshRows, cluster: FleetCluster): MeshView {
  const own = new Map([...fleet.nodes].filter(([, node]) => node.Cluster === cluster.Id));
  const links = new Map([...fleet.links].filter(([, link]) => own.has(link.A) && own.has(link.B)));
  let members = 0;
  for (const node of own.values()) members += Number(node.State === 'member');
  const lists = new Map([...own.keys()].map((id) => [id, { up: [] as string[], half: [] as string[] }]));
  for (const { A: a, B: b, State: state } of links.values()) {
    lists.get(a)?.[state].push(b);
    lists.get(b)?.[state].push(a);
  }
  const byName = compareByName((id) => own.get(id)?.Name ?? id);
  const nodes = [...own.values()]
    .map((node) => {
      const { up = [], half = [] } = lists.get(node.Id) ?? {};
      return meshNode(fleet, node, { peers: up.sort(byName), halfPeers: half.sort(byName), members });
    })
    .sort((a, b) => compareNames(a.name, b.name) || (a.id < b.id ? -1 : 1));
  return { cluster, nodes, ...indexes(nodes), links, members };
}

/** The view after a change of rows; null when the nodes are others, or have other names: names order everything. */
function followMesh(fleet: MeshRows, mesh: MeshView, rows: MeshRows): MeshView | null {
  const touched = new Set<string>();
  let { members } = mesh;
  for (const id of changedKeys(rows.nodes, fleet.nodes)) {
    const known = mesh.byId.get(id);
    const node = fleet.nodes.get(id);
    const isOwn = node !== undefined && node.Cluster === mesh.cluster?.Id;
    if (isOwn !== (known !== undefined) || (isOwn && known?.name !== node.Name)) return null;
    if (!known || !node) continue;
    members += Number(node.State === 'member') - Number(known.facts.State === 'member');
    touched.add(id);
  }
  for (const id of changedKeys(rows.hosts, fleet.hosts)) touched.add(id);
  for (const id of changedKeys(rows.bridges, fleet.bridges)) touched.add(id);
  const { links, peers } = followLinks(fleet, mesh, rows);
  for (const id of peers.keys()) touched.add(id);
  const least = Math.min(members, mesh.members);
  // What a node wants, and whether it is alone, may hang on how many there are.
  const isAll = members !== mesh.members && mesh.nodes.some(({ facts }) => (facts.Degree ?? 0) >= least - 1);
  const put = new Map<string, MeshNode>();
  for (const known of isAll ? mesh.nodes : [...touched].flatMap((id) => mesh.byId.get(id) ?? [])) {
    const drawn = meshNode(fleet, fleet.nodes.get(known.id) ?? known.facts, {
      peers: known.peers,
      halfPeers: known.halfPeers,
      ...peers.get(known.id),
      members,
    });
    if (!isSameNode(known, drawn)) put.set(known.id, drawn);
  }
  if (put.size === 0 && links === mesh.links && members === mesh.members) return mesh;
  if (put.size === 0) return { ...mesh, links, members };
  const nodes = mesh.nodes.map((known) => put.get(known.id) ?? known);
  return { cluster: mesh.cluster, nodes, ...indexes(nodes), links, members };
}

/** The links after a change, and the lists of peers of nodes whose links changed. */
function followLinks(
  fleet: MeshRows,
  mesh: MeshView,
  rows: MeshRows,
): {
  links: MeshView['links'];
  peers: ReadonlyMap<string, Pick<MeshNode, 'peers' | 'halfPeers'>>;
} {
  const put = new Map<string, FleetLink>();
  const gone = new Set<string>();
  const peers = new Map<string, Pick<MeshNode, 'peers' | 'halfPeers'>>();
  const byName = compareByName((id) => mesh.byId.get(id)?.name ?? id);
  const move = (id: string, peer: string, state: FleetLink['State'] | null): void => {
    const before = peers.get(id) ?? mesh.byId.get(id);
    if (!before) return;
    const listed = (list: readonly string[], isIn: boolean): readonly string[] =>
      list.includes(peer) === isIn ? list : isIn ? [...list, peer].sort(byName) : list.filter((each) => each !== peer);
    peers.set(id, {
      peers: listed(before.peers, state === 'up'),
      halfPeers: listed(before.halfPeers, state === 'half'),
    });
  };
  for (const key of changedKeys(rows.links, fleet.links)) {
    const link = fleet.links.get(key);
    const known = mesh.links.get(key);
    const isOwn = link !== undefined && mesh.byId.has(link.A) && mesh.byId.has(link.B);
    if (isOwn) put.set(key, link);
    else if (known) gone.add(key);
    const { A: a, B: b } = (isOwn ? link : known) ?? {};
    if (a === undefined || b === undefined) continue;
    move(a, b, isOwn ? link.State : null);
    move(b, a, isOwn ? link.State : null);
  }
  return { links: put.size + gone.size === 0 ? mesh.links : changedMap(mesh.links, put, gone), peers };
}

const compareByName =
  (nameOf: (id: string) => string) =>
  (a: string, b: string): number =>
    compareNames(nameOf(a), nameOf(b));

const indexes = (nodes: readonly MeshNode[]): Pick<MeshView, 'byId' | 'byName'> => ({
  byId: new Map(nodes.map((node) => [node.id, node])),
  byName: new Map(nodes.map((node) => [node.name, node])),
});

function meshNode(
  fleet: MeshRows,
  node: FleetNode,
  { peers, halfPeers, members }: Pick<MeshNode, 'peers' | 'halfPeers'> & { members: number },
): MeshNode {
  const wanted = node.Degree === null ? null : Math.min(node.Degree, Math.max(0, members - 1));
  const rows = { facts: node, host: fleet.hosts.get(node.Id) ?? null, bridge: fleet.bridges.get(node.Id) ?? null };
  const state = stateOf(node, peers.length, wanted, members);
  return { id: node.Id, name: node.Name, ...rows, peers, halfPeers, wanted, ...state, added: null };
}

const isSameNode = (a: MeshNode, b: MeshNode): boolean =>
  a.facts === b.facts &&
  a.host === b.host &&
  a.bridge === b.bridge &&
  a.peers === b.peers &&
  a.halfPeers === b.halfPeers &&
  a.wanted === b.wanted &&
  a.word === b.word;

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

/** Several parts of a page ask the same of each view: it is worked out once. */
function onceFor<Key extends object, Value>(work: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = work(key)));
    return value;
  };
}

const linkCounts = onceFor((links: MeshView['links']) => {
  const counts: Record<FleetLink['State'], number> = { up: 0, half: 0 };
  for (const link of links.values()) counts[link.State] += 1;
  return counts;
});

/** How many links are in a state. */
export const countLinks = (links: MeshView['links'], state: FleetLink['State']): number => linkCounts(links)[state];

/** How many of `nodes` are in each state. */
export const countStates = onceFor((nodes: readonly MeshNode[]): Readonly<Record<State, number>> => {
  const counts: Record<State, number> = { ok: 0, busy: 0, warn: 0, bad: 0, lost: 0 };
  for (const node of nodes) counts[node.state] += 1;
  return counts;
});

/** Characters of names that fit a sentence. */
const longestNames = 40;

/** The cluster in one sentence and its worst state: the first thing that a page says. */
export const describeMesh = onceFor((mesh: MeshView): { readonly state: State; readonly text: string } => {
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
});

/** First of three load averages; null while unknown. */
export function loadOf({ host }: Pick<MeshNode, 'host'>): number | null {
  const first = Number.parseFloat(host?.Load ?? '');
  return Number.isFinite(first) ? first : null;
}
