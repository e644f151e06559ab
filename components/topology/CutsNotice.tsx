// What the mesh hangs by, in words: nodes and links without which others lose each other.
import type { ReactElement } from 'react';
import type { FleetLink } from '../../contract/fleet.ts';
import type { CriticalParts } from '../../core/topology/critical.ts';
import { countOf, listOf } from '../../lib/format.ts';
import type { MeshView } from '../fleet/mesh-view.ts';

interface CutsNoticeProps {
  mesh: MeshView;
  critical: CriticalParts<FleetLink>;
}

export function CutsNotice({ mesh, critical }: CutsNoticeProps): ReactElement {
  return (
    <p role="status" className="border-t bg-warn-soft px-4 py-1.5 text-sm md:px-6">
      {describeCuts(
        [...critical.cutNodes].map((id) => mesh.byId.get(id)?.name ?? id),
        critical.cutLinks.length,
        critical.parts.length,
      )}
    </p>
  );
}

function describeCuts(nodes: readonly string[], links: number, parts: number): string {
  const split = parts > 1 ? `The mesh is in ${parts} parts. ` : '';
  if (nodes.length === 0 && links === 0)
    return `${split}Nothing hangs by a thread: any one node may go and the others keep each other.`;
  const nodeText = nodes.length === 0 ? '' : `Without ${listOf(nodes, 6)} others lose each other. `;
  const linkText = links === 0 ? '' : `${countOf(links, 'link')} without a way round.`;
  return `${split}${nodeText}${linkText}`;
}
