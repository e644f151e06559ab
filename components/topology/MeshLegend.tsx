// What shapes and lines of the picture mean, with how many there are of each.
import type { ReactElement, ReactNode } from 'react';
import { countLinks, countStates } from '../fleet/mesh-view.ts';
import type { Readable } from '../../lib/observable.ts';
import { useReadablePart } from '../../lib/use-console.ts';
import type { MeshView } from '../fleet/mesh-view.ts';

export function MeshLegend({ source }: { source: Readable<MeshView> }): ReactElement {
  const ok = useReadablePart(source, (mesh) => countStates(mesh.nodes).ok);
  const short = useReadablePart(source, ({ nodes }) => countStates(nodes).busy + countStates(nodes).warn);
  const out = useReadablePart(source, ({ nodes }) => countStates(nodes).lost + countStates(nodes).bad);
  const half = useReadablePart(source, (mesh) => countLinks(mesh.links, 'half'));
  return (
    <ul className="pointer-events-none absolute bottom-3 left-3 flex max-w-[calc(100%-24px)] flex-wrap gap-x-4 gap-y-1 rounded-md border bg-surface-1 px-2.5 py-1.5 text-xs text-fg-2 max-sm:hidden">
      <Entry word="head">
        <rect x="2" y="2" width="12" height="12" rx="2.5" fill="var(--ok)" />
      </Entry>
      <Entry word={`${ok} in the mesh, ring: links held of wanted`}>
        <circle cx="8" cy="8" r="4" fill="var(--ok)" />
        <circle cx="8" cy="8" r="6.6" fill="none" stroke="var(--ok)" strokeWidth="1.5" strokeDasharray="12 1.8" />
      </Entry>
      {short === 0 ? null : (
        <Entry word={`${short} short of links`}>
          <circle cx="8" cy="8" r="4" fill="var(--busy)" />
          <path d="M8 1.4a6.6 6.6 0 0 1 5.7 9.9" fill="none" stroke="var(--busy)" strokeWidth="1.5" />
        </Entry>
      )}
      {out === 0 ? null : (
        <Entry word={`${out} not in the mesh`}>
          <circle cx="8" cy="8" r="6" fill="none" stroke="var(--lost)" strokeWidth="1.6" strokeDasharray="3 2.3" />
        </Entry>
      )}
      {half === 0 ? null : (
        <Entry word={`${half} listed by one side only`}>
          <path d="M0 8h8" stroke="var(--fg-3)" strokeWidth="1.5" />
          <path d="M8 8h8" stroke="var(--fg-3)" strokeWidth="1.5" strokeDasharray="1.5 2.5" />
        </Entry>
      )}
    </ul>
  );
}

function Entry({ word, children }: { word: string; children: ReactNode }): ReactElement {
  return (
    <li className="flex items-center gap-1.5 whitespace-nowrap">
      <svg viewBox="0 0 16 16" aria-hidden="true" className="size-4 shrink-0">
        {children}
      </svg>
      {word}
    </li>
  );
}
