// What a cell of the map shows: how many VMs of a VLAN are on a node, and how many of them run. All of its drawing is here.
import type { ReactElement } from 'react';
import type { NodeVerdict } from '../../core/probe/verdicts.ts';
import { VerdictShape } from '../probe/verdict-looks.tsx';
import { cx } from '../ui/cx.ts';
import type { VmCount } from './vm-count.ts';

const radius = 5;
const round = 2 * Math.PI * (radius / 2);

/**
 * A disc, filled by the share that runs: full, a part, or empty. A dashed rim: their node does not answer. A cross: one failed. The
 * words are the caller's.
 */
export function VmShare({ count, className }: { count: VmCount; className?: string }): ReactElement {
  const share = count.RUNNING / Math.max(1, count.total);
  const isLost = count.LOST === count.total;
  const colour = count.ERROR > 0 ? 'text-bad' : isLost ? 'text-lost' : share > 0 ? 'text-ok' : 'text-fg-3';
  return (
    <svg viewBox="0 0 14 14" aria-hidden="true" className={cx('size-3.5 shrink-0', colour, className)}>
      <circle
        cx="7"
        cy="7"
        r={radius}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        {...(isLost ? { strokeDasharray: '2.6 1.9' } : {})}
      />
      {share === 0 ? null : (
        // A stroke as wide as the radius is a sector.
        <circle
          cx="7"
          cy="7"
          r={radius / 2}
          fill="none"
          stroke="currentColor"
          strokeWidth={radius}
          strokeDasharray={`${share * round} ${round}`}
          transform="rotate(-90 7 7)"
        />
      )}
      {count.ERROR === 0 ? null : (
        <path
          d="m4.6 4.6 4.8 4.8m0-4.8-4.8 4.8"
          stroke={share > 0.5 ? 'var(--surface-1)' : 'currentColor'}
          strokeWidth="1.5"
          strokeLinecap="round"
        />
      )}
    </svg>
  );
}

/** `count` null: no VM of the VLAN is on the node. `mark`: what the last probe said, in the upper right corner of the cell around it. */
export function VlanCell({
  count,
  mark = null,
}: {
  count: VmCount | null;
  mark?: NodeVerdict | null;
}): ReactElement | null {
  return (
    <>
      {count === null ? null : (
        <span className="inline-flex items-center gap-1.5 numbers">
          <VmShare count={count} />
          {count.total}
        </span>
      )}
      {mark === null ? null : <VerdictShape verdict={mark.verdict} className="absolute top-0.5 right-0.5 size-2.5" />}
    </>
  );
}
