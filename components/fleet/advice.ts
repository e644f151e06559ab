// What a node's state asks of the reader, in a sentence; empty when nothing does.
import type { MeshNode } from './mesh-view.ts';

export function whatToDo(node: MeshNode): string {
  const { facts, peers, wanted, added } = node;
  if (added) return "It takes the console's key and runs no meshd yet. Deploying makes it a member of a mesh.";
  switch (facts.State) {
    case 'revoked':
      return 'Its certificate is revoked: no node of the cluster speaks to it. Remove it, or add it again as a new node.';
    case 'absent':
      return facts.LostAt === null
        ? 'It is in the roster but has not been seen in the mesh. Deploy it again: that says what stands in its way.'
        : 'It left the mesh. Check that the machine is on and its network works; deploying it again starts meshd and says what stands in its way.';
    case 'member':
      if (node.state === 'warn')
        return 'No other node holds a link with it. It dials the nodes of the roster every few seconds.';
      if (wanted !== null && peers.length < wanted)
        return `It holds ${peers.length} of ${wanted} links and keeps looking for more.`;
      return '';
  }
}
