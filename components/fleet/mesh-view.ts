// One cluster as its pages show it: nodes with their peers and state in words, links, counts. Pure, and made anew only
// when nodes or links changed.
import type { FleetCluster, FleetLink, FleetNode } from '../../contract/fleet.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import type { FleetView } from '../../core/fleet-view.ts';
import type { State } from '../ui/StateMark.tsx';

export interface MeshNode {
  readonly id: string;
  readonly name: string;
  readonly facts: FleetNode;
  /** Ids of nodes with which a link is up, in the order of their names. */
  readonly peers: readonly string[];
  /** Ids of nodes where only one side lists the link. */
  readonly halfPeers: readonly string[];
  /** Links it should hold: its degree, or all others where these are fewer; null while it is not known. */
  readonly wanted: number | null;
  readonly state: State;
  /** The state in a word or two, without its age. */
  readonly word: string;
}

export interface MeshView {
  readonly cluster: FleetCluster | null;
  /** By name, in natural order. */
  readonly nodes: readonly MeshNode[];
  readonly byId: ReadonlyMap<string, MeshNode>;
  readonly byName: ReadonlyMap<string, MeshNode>;
  readonly links: readonly FleetLink[];
  readonly members: number;
}

export const emptyMesh: MeshView = {
  cluster: null,
  nodes: [],
  byId: new Map(),
  byName: new Map(),
  links: [],
  members: 0,
};

export function meshView(fleet: Pick<FleetView, 'nodes' | 'links'>, cluster: FleetCluster | null): MeshView {
  if (cluster === null) return emptyMesh;
  const own = [...fleet.nodes.values()].filter((node) => node.Cluster === cluster.Id);
  const known = new Map(own.map((node) => [node.Id, node]));
  const links = [...fleet.links.values()].filter((link) => known.has(link.A) && known.has(link.B));
  const members = own.filter((node) => node.State === 'member').length;
  const up = new Map<string, string[]>();
  const half = new Map<string, string[]>();
  for (const { A: a, B: b, State: state } of links) {
    const lists = state === 'up' ? up : half;
    pushTo(lists, a, b);
    pushTo(lists, b, a);
  }
  const byNameOf = (a: string, b: string): number => compareNames(known.get(a)?.Name ?? a, known.get(b)?.Name ?? b);
  const nodes = own
    .map((facts): MeshNode => {
      const peers = (up.get(facts.Id) ?? []).sort(byNameOf);
      const halfPeers = (half.get(facts.Id) ?? []).sort(byNameOf);
      const wanted = facts.Degree === null ? null : Math.min(facts.Degree, Math.max(0, members - 1));
      return {
        id: facts.Id,
        name: facts.Name,
        facts,
        peers,
        halfPeers,
        wanted,
        ...stateOf(facts, peers.length, wanted, members),
      };
    })
    .sort((a, b) => compareNames(a.name, b.name) || (a.id < b.id ? -1 : 1));
  return {
    cluster,
    nodes,
    byId: new Map(nodes.map((node) => [node.id, node])),
    byName: new Map(nodes.map((node) => [node.name, node])),
    links,
    members,
  };
}

function pushTo(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
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
  // A revoked node is out on purpose: it is no loss.
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
export function loadOf(node: FleetNode): number | null {
  const first = Number.parseFloat(node.Facts?.Load ?? '');
  return Number.isFinite(first) ? first : null;
}
