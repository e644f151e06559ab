// How much memory of a node is promised: to VMs that are there, and to those of this launch. The text says what the bar shows.
import type { ReactElement } from 'react';
import type { LaunchHost } from '../../core/plans/vms/place.ts';
import { formatMegabytes } from '../../lib/format.ts';

export interface CapacityBarProps {
  readonly host: LaunchHost;
  /** MB that this launch adds. */
  readonly addedMb: number;
}

export function CapacityBar({ host, addedMb }: CapacityBarProps): ReactElement {
  const { memoryMb, committedMemoryMb } = host;
  const share = (mb: number) => `${Math.min(100, (100 * mb) / Math.max(1, memoryMb))}%`;
  const after = committedMemoryMb + addedMb;
  const isFull = after > memoryMb * 0.9;
  return (
    <span className="flex min-w-0 flex-1 flex-col gap-1">
      <span aria-hidden="true" className="flex h-2 w-full overflow-hidden rounded-full bg-surface-3">
        <span className="bg-fg-3 transition-[width] duration-200" style={{ width: share(committedMemoryMb) }} />
        <span
          className={`${isFull ? 'bg-warn' : 'bg-accent'} transition-[width] duration-200`}
          style={{ width: share(addedMb) }}
        />
      </span>
      <span className="text-xs text-fg-3 numbers">
        {formatMegabytes(after)} of {formatMegabytes(memoryMb)}
        {addedMb > 0 ? `, ${formatMegabytes(addedMb)} to these` : ''}
        {isFull ? ' · nearly full' : ''}
      </span>
    </span>
  );
}
