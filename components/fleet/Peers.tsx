'use client';
// The nodes that a node is linked with, each with its state; choosing one selects it.
import type { ReactElement } from 'react';
import { linkKey } from '../../core/fleet-view.ts';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { StateShape } from '../ui/StateMark.tsx';
import type { MeshNode, MeshView } from './mesh-view.ts';

export interface PeersProps {
  mesh: MeshView;
  node: MeshNode;
  now: number;
  onSelect: (name: string) => void;
}

export function Peers({ mesh, node, now, onSelect }: PeersProps): ReactElement {
  const ordered = [...node.peers, ...node.halfPeers].flatMap((id) => {
    const peer = mesh.byId.get(id);
    const held = mesh.links.get(linkKey(id < node.id ? { A: id, B: node.id } : { A: node.id, B: id }));
    return peer && held ? [{ peer, held }] : [];
  });
  if (ordered.length === 0) return <p className="text-fg-3">No links.</p>;
  return (
    <ul className="-mx-2 flex flex-col">
      {ordered.map(({ peer, held }) => (
        <li key={peer.id}>
          <button
            type="button"
            onClick={() => onSelect(peer.name)}
            className="flex h-8 w-full items-center gap-2 rounded-md px-2 text-left hover:bg-surface-2 max-md:h-10"
          >
            <StateShape state={peer.state} />
            <span className="min-w-0 flex-1 truncate font-mono text-sm">{peer.name}</span>
            <span className="text-sm text-fg-3" title={formatInstant(held.Since)}>
              {held.State === 'half' ? 'half, ' : ''}
              {formatAgo(held.Since, now)}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
