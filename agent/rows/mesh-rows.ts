// The nodes of the roster and the links between members as rows, kept up to date by what the mesh says has changed.
import { links, nodes, type LinkRow, type NodeRow } from '../../contract/cluster-kinds.ts';
import { keyOf } from '../../contract/kind-keys.ts';
import type { RosterNode } from '../../contract/roster.ts';
import type { RosterStore } from '../identity/roster-store.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { ClusterRows } from './cluster-rows.ts';

/** Follows the mesh until the returned function is called. */
export function followMesh(
  rows: ClusterRows,
  { mesh, roster }: { mesh: Mesh; roster: Pick<RosterStore, 'roster' | 'node'> },
): () => void {
  const rowOf = (node: RosterNode, degree: number | null): NodeRow => ({
    Id: node.id,
    Name: node.name,
    Addresses: node.addresses,
    State: node.state === 'revoked' ? 'revoked' : degree === null ? 'absent' : 'member',
    Head: node.id === roster.roster.head,
    Degree: degree,
  });
  const all = () => {
    mesh.emitTopology();
    const { nodes: members, links: meshLinks } = mesh.topology();
    const degrees = new Map(members.map(({ id, degree }) => [id, degree]));
    rows.replace(
      nodes,
      null,
      roster.roster.nodes.map((node) => rowOf(node, degrees.get(node.id) ?? null)),
    );
    rows.replace(
      links,
      null,
      meshLinks.map(({ a, b, state }) => linkRow(a, b, state)),
    );
  };
  const onNode = ({ id, degree }: { id: string; degree: number | null }) => {
    const node = roster.node(id);
    if (node) rows.put(nodes, rowOf(node, degree));
  };
  const onLink = ({ a, b, state }: { a: string; b: string; state: 'up' | 'half' | 'down' }) => {
    if (state === 'down') rows.drop(links, keyOf(links, linkRow(a, b, 'up')));
    else rows.put(links, linkRow(a, b, state));
  };
  all();
  mesh.on('node', onNode);
  mesh.on('link', onLink);
  // Rare: names, the head and who is a member may all be others.
  mesh.on('roster', all);
  mesh.on('excluded', all);
  return () => {
    mesh.off('node', onNode);
    mesh.off('link', onLink);
    mesh.off('roster', all);
    mesh.off('excluded', all);
  };
}

function linkRow(a: string, b: string, state: LinkRow['State']): LinkRow {
  const [A, B] = a < b ? [a, b] : [b, a];
  return { A, B, State: state };
}
