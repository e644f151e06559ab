'use client';
// The nodes that a node is linked with, each with its state; choosing one selects it.
import type { ReactElement } from 'react';
import type { FleetLink } from '../../contract/fleet.ts';
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
  const linkTo = new Map<string, FleetLink>();
  for (const link of mesh.links) {
    if (link.A === node.id) linkTo.set(link.B, link);
    if (link.B === node.id) linkTo.set(link.A, link);
  }
  const ordered = [...node.peers, ...node.halfPeers].flatMap((id) => {
    const peer = mesh.byId.get(id);
    const held = linkTo.get(id);
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
