'use client';
// On every page while something of a bridge was left behind: a transaction past its time, a timer, a mark of a trial, or drift
// from what was committed. Such things bite at the next boot, when nobody looks.
import Link from 'next/link';
import type { ReactElement } from 'react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { useReadablePart } from '../../lib/use-console.ts';
import { bridgeOf } from '../fleet/bridge-facts.ts';
import type { MeshView } from '../fleet/mesh-view.ts';
import { useMeshSource } from '../fleet/use-mesh.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { StateShape } from '../ui/StateMark.tsx';

export function BridgeAlarms(): ReactElement | null {
  const text = useReadablePart(useMeshSource(), alarmsOf);
  const withCluster = useClusterPath();
  if (text === '') return null;
  const [names = '', alarm = ''] = text.split('\n');
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-x-2 border-b border-bad/40 bg-bad-soft px-4 py-1.5 text-sm"
    >
      <StateShape state="bad" />
      <span className="min-w-0 flex-1 break-words">
        The bridge of <span className="font-mono">{names}</span> needs you: {alarm}
      </span>
      <Link href={withCluster(`/nodes?q=${encodeURIComponent(names)}`)} className="font-medium text-accent underline">
        Look
      </Link>
    </div>
  );
}

/** The nodes concerned, and the first alarm, a line each; empty for none. As text, so that it is drawn when it changes only. */
function alarmsOf(mesh: MeshView): string {
  const troubled = mesh.nodes.flatMap((node) => {
    const [alarm] = bridgeOf(node)?.alarms ?? [];
    return alarm === undefined ? [] : [{ name: node.name, alarm }];
  });
  const [first] = troubled;
  return first ? `${describeRange(troubled.map(({ name }) => name))}\n${first.alarm}` : '';
}
