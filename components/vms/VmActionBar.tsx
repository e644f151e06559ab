'use client';
// What can be done with the marked VMs: a bar below the table, and above it what became of the last action.
import { X } from 'lucide-react';
import type { ReactElement } from 'react';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { IconButton } from '../ui/IconButton.tsx';
import type { VmActing } from './use-vm-actions.ts';
import { describeTargets } from './verbs.tsx';
import type { VmVerb } from './vm-commands.ts';
import type { VmFilter } from './vm-filter.ts';
import type { VmLine } from './vm-line.ts';
import { VmActions } from './VmActions.tsx';
import { VmRunResult } from './VmRunResult.tsx';

const phoneButtons: readonly VmVerb[] = ['start', 'stop'];

export interface VmActionBarProps {
  readonly acting: VmActing;
  readonly marked: readonly VmLine[];
  /** Marked VMs that the filter hides are acted on too: the bar says how many. */
  readonly fits: VmFilter;
  readonly onClear: () => void;
}

export function VmActionBar({ acting, marked, fits, onClear }: VmActionBarProps): ReactElement | null {
  const isPhone = useMedia(phoneScreen);
  if (marked.length === 0 && acting.run === null) return null;
  const hidden = marked.filter((line) => !fits(line)).length;
  return (
    <section
      aria-label="Marked VMs"
      className="flex shrink-0 flex-col gap-2 border-t border-accent/40 bg-surface-1 px-4 py-2 md:px-6"
    >
      <VmRunResult acting={acting} />
      {marked.length === 0 ? null : (
        <div className="flex flex-wrap items-center gap-1.5">
          <span className="mr-2 font-medium">
            {describeTargets(marked)}
            {hidden === 0 ? '' : <span className="font-normal text-warn">, {hidden} not listed</span>}
          </span>
          <IconButton label="Clear the marks" icon={<X />} onClick={onClear} className="-ml-3" />
          <VmActions acting={acting} vms={marked} {...(isPhone ? { buttons: phoneButtons } : {})} />
        </div>
      )}
    </section>
  );
}
