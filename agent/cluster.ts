// The cluster as watchers see it, from the mesh's topology, the roster and the known facts.
import type { LinkView, NodeView } from '../contract/watch.ts';
import type { Roster } from '../contract/roster.ts';
import { clusterState, type ClusterState } from '../core/cluster-view.ts';
import type { NodeFacts } from './facts-exchange.ts';
import type { MeshTopology } from './mesh/mesh.ts';

/** Every node of the roster, those outside the mesh as `absent`, with the links of those inside. */
export function observeCluster(
  topology: MeshTopology,
  roster: Roster,
  factsOf: (nodeId: string) => NodeFacts | null,
): ClusterState {
  const members = new Map(topology.nodes.map((node) => [node.id, node]));
  const nodes = roster.nodes.map((node): NodeView => {
    const member = members.get(node.id);
    const known = member ? factsOf(node.id) : null;
    return {
      Id: node.id,
      Name: node.name,
      Addresses: node.addresses,
      State: node.state === 'revoked' ? 'revoked' : member ? 'member' : 'absent',
      Head: node.id === roster.head,
      Degree: member?.degree ?? null,
      Version: known?.version ?? null,
      Facts: known?.facts ?? null,
    };
  });
  const links = topology.links.map(({ a, b, state }): LinkView => {
    const [A, B] = a < b ? [a, b] : [b, a];
    return { A, B, State: state };
  });
  return clusterState(nodes, links);
}
