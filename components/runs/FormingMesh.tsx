'use client';
// The mesh of a deploy as it forms: nodes on a ring, links as both ends list them, and who is missing in words.
import { useMemo, type ReactElement } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { useFleet } from '../../lib/use-console.ts';
import { StateMark } from '../ui/StateMark.tsx';
import { countMesh, ringSpots } from './forming-layout.ts';

/** More nodes than this are counted, not drawn: the mesh page draws them. */
const maxDrawn = 64;
const size = 280;

export function FormingMesh({ nodes }: { nodes: readonly string[] }): ReactElement | null {
  const { view } = useFleet();
  const wanted = useMemo(() => [...new Set(nodes)].sort(compareNames), [nodes]);
  const byId = new Map([...view.nodes.values()].map((node) => [node.Id, node]));
  const members = new Set([...view.nodes.values()].filter((node) => node.State === 'member').map(({ Name }) => Name));
  const links = [...view.links.values()]
    .filter((link) => link.State === 'up')
    .map((link) => ({ a: byId.get(link.A)?.Name ?? '', b: byId.get(link.B)?.Name ?? '' }));
  const count = countMesh(wanted, members, links);
  if (wanted.length === 0) return null;
  const isWhole = count.missing.length === 0;
  return (
    <section
      aria-label="The mesh as it forms"
      className="flex flex-wrap items-center gap-4 rounded-md border bg-surface-1 p-4"
    >
      {wanted.length <= maxDrawn ? <Ring wanted={wanted} members={members} links={links} /> : null}
      <div className="flex min-w-0 flex-1 basis-60 flex-col gap-1" role="status">
        <p className="text-lg font-semibold">
          {count.here} of {count.wanted} nodes in the mesh
        </p>
        <p className="text-fg-2 numbers">
          {count.links} {count.links === 1 ? 'link' : 'links'}
        </p>
        {isWhole ? (
          <StateMark state="ok">whole</StateMark>
        ) : (
          <p className="break-words text-fg-2">
            Not yet: <span className="font-mono">{describeRange(count.missing)}</span>
          </p>
        )}
      </div>
    </section>
  );
}

interface RingProps {
  readonly wanted: readonly string[];
  readonly members: ReadonlySet<string>;
  readonly links: readonly { readonly a: string; readonly b: string }[];
}

function Ring({ wanted, members, links }: RingProps): ReactElement {
  const spots = new Map(ringSpots(wanted.length, size, size / 2 - 28).map((spot, at) => [wanted[at] ?? '', spot]));
  const drawn = links.flatMap(({ a, b }) => {
    const from = spots.get(a);
    const to = spots.get(b);
    return from && to ? [{ key: `${a} ${b}`, from, to }] : [];
  });
  return (
    // The words beside it say the same.
    <svg viewBox={`0 0 ${size} ${size}`} aria-hidden="true" className="w-56 max-w-full shrink-0">
      {drawn.map(({ key, from, to }) => (
        <line key={key} x1={from.x} y1={from.y} x2={to.x} y2={to.y} className="stroke-line-strong" strokeWidth="1.2" />
      ))}
      {wanted.map((name) => {
        const spot = spots.get(name) ?? { x: 0, y: 0 };
        const isHere = members.has(name);
        return (
          <g key={name} transform={`translate(${spot.x} ${spot.y})`}>
            <circle
              r={wanted.length > 24 ? 5 : 11}
              className={isHere ? 'fill-ok-soft stroke-ok' : 'fill-surface-1 stroke-lost'}
              strokeWidth="1.6"
              strokeDasharray={isHere ? undefined : '2.4 2.1'}
            />
            {wanted.length > 24 ? null : (
              <text textAnchor="middle" dy="0.34em" fontSize="9" className="fill-fg-1 font-mono">
                {/\d+$/.exec(name)?.[0] ?? name.slice(0, 2)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
