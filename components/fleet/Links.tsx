// Links held against links wanted: `3 of 3`.
import type { ReactElement } from 'react';
import type { MeshNode } from './mesh-view.ts';

export function Links({ node }: { node: MeshNode }): ReactElement {
  const { facts, peers, halfPeers, wanted } = node;
  if (facts.State !== 'member') return <span className="text-fg-3">–</span>;
  const isShort = wanted !== null && peers.length < wanted;
  return (
    <span className={isShort ? 'text-busy' : ''}>
      {peers.length}
      {wanted === null ? '' : ` of ${wanted}`}
      {halfPeers.length === 0 ? '' : ` + ${halfPeers.length} half`}
    </span>
  );
}
