// Nodes that were added and run no meshd yet, in the shape of those of a mesh, so that they are found, sorted and ticked alike. Pure.
import type { FleetNode } from '../../contract/fleet.ts';
import type { KnownNode } from '../../contract/known-nodes.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { lackOf } from './lack.ts';
import type { MeshNode, MeshView } from './mesh-view.ts';

/** By name. What a mesh has by that name is shown as the mesh tells it: it may have been deployed by hand. */
export function addedNodes(known: Iterable<KnownNode>, fleet: Iterable<Pick<FleetNode, 'Name'>>): MeshNode[] {
  const inFleet = new Set([...fleet].map(({ Name }) => Name));
  return [...known]
    .filter(({ cluster, name }) => cluster === '' && !inFleet.has(name))
    .map(drawn)
    .sort((a, b) => compareNames(a.name, b.name));
}

/** Nodes that the console is attached to, and that their mesh does not have. A mesh with a roster has all of its nodes, those that are away too. */
export function unmetNodes(
  { cluster, nodes }: Pick<MeshView, 'cluster' | 'nodes'>,
  known: Iterable<Pick<KnownNode, 'cluster' | 'name'>>,
): string[] {
  if (cluster?.State !== 'live' || lackOf(cluster, 'members') === '') return [];
  const names = new Set(nodes.map(({ name }) => name));
  return [...known].filter((node) => node.cluster === cluster.Id && !names.has(node.name)).map(({ name }) => name);
}

function drawn(added: KnownNode): MeshNode {
  const { id, name, addresses } = added;
  const facts: FleetNode = {
    Id: id,
    Name: name,
    Addresses: addresses,
    State: 'absent',
    Head: false,
    Degree: null,
    Cluster: '',
    AsOf: added.bridge?.at ?? added.addedAt,
    LostAt: null,
  };
  const nothing = { host: null, bridge: null, peers: [], halfPeers: [], wanted: null };
  return { id, name, facts, ...nothing, state: 'lost', word: 'no meshd yet', added };
}
