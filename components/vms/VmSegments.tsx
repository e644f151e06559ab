'use client';
// All VMs in parts, by state, namespace or node: how many there are of each, and a click to see only those.
import type { ReactElement } from 'react';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { vmStates, type VmState } from '../../core/vms/states.ts';
import { Segmented } from '../ui/Segmented.tsx';
import { cx } from '../ui/cx.ts';
import type { VmCounts } from './vm-index.ts';
import { hasCondition, toggleCondition } from './vm-filter.ts';
import { stateLook } from './vm-states.ts';
import { VmStateShape } from './VmStateMark.tsx';

const dimensions = [
  { value: 'state', label: 'State' },
  { value: 'namespace', label: 'Namespace' },
  { value: 'node', label: 'Node' },
] as const;
type Dimension = (typeof dimensions)[number]['value'];

/** More are found by typing. */
const shownSegments = 16;

export interface VmSegmentsProps {
  readonly counts: VmCounts;
  readonly by: string;
  readonly onBy: (by: string) => void;
  readonly filter: string;
  readonly onFilter: (filter: string) => void;
}

export function VmSegments({ counts, by, onBy, filter, onFilter }: VmSegmentsProps): ReactElement {
  const dimension: Dimension = dimensions.find(({ value }) => value === by)?.value ?? 'state';
  const segments = segmentsOf(counts, dimension);
  const more = segments.length - shownSegments;
  return (
    <div className="flex min-w-0 items-center gap-2 px-4 pb-2 md:px-6">
      <Segmented
        label="Segments by"
        value={dimension}
        onValueChange={(next) => onBy(next === 'state' ? '' : next)}
        options={dimensions}
      />
      <ul aria-label={`VMs by ${dimension}`} className="flex min-w-0 flex-1 scroller gap-1 py-1">
        {segments.slice(0, shownSegments).map(({ name, count }) => {
          const condition = `${dimension}=${name}`;
          const isOn = hasCondition(filter, condition);
          return (
            <li key={name} className="shrink-0">
              <button
                type="button"
                aria-pressed={isOn}
                onClick={() => onFilter(toggleCondition(filter, condition))}
                className={cx(
                  'inline-flex h-7 items-center gap-1.5 rounded-md border px-2 text-sm whitespace-nowrap transition-colors max-md:h-10',
                  isOn ? 'border-accent bg-accent-soft text-fg-1' : 'border-line text-fg-2 hover:bg-surface-2',
                )}
              >
                {dimension === 'state' ? (
                  <StateName state={name as VmState} />
                ) : (
                  <span className="font-mono">{name}</span>
                )}
                <span className="text-fg-3 numbers">{count}</span>
              </button>
            </li>
          );
        })}
        {more > 0 ? (
          <li className="flex shrink-0 items-center px-2 text-sm text-fg-3">
            and {more} more: type {dimension}=…
          </li>
        ) : null}
      </ul>
    </div>
  );
}

function StateName({ state }: { state: VmState }): ReactElement {
  const { tone, word } = stateLook({ State: state, Reason: '' });
  return (
    <>
      <VmStateShape state={state} tone={tone} />
      {word}
    </>
  );
}

/** States in the order of their life, namespaces and nodes by name. */
function segmentsOf(counts: VmCounts, dimension: Dimension): { name: string; count: number }[] {
  if (dimension === 'state') {
    return vmStates.flatMap((state) => {
      const count = counts.states.get(state);
      return count === undefined ? [] : [{ name: state, count }];
    });
  }
  return [...(dimension === 'node' ? counts.nodes : counts.namespaces)]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => compareNames(a.name, b.name));
}
