'use client';
// The nodes that may run the VMs, each with how full it is and will be. A click chooses; the range above says the same.
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef, useState, type ReactElement } from 'react';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { countOf } from '../../lib/format.ts';
import { Checkbox } from '../ui/Checkbox.tsx';
import { controlLook } from '../ui/control-look.ts';
import { cx } from '../ui/cx.ts';
import { CapacityBar } from './CapacityBar.tsx';
import type { LivePlacement } from './use-placement.ts';

export interface NodeChoiceProps {
  readonly placement: LivePlacement;
  /** A range of those that are chosen. */
  readonly onChange: (nodes: string) => void;
}

/** Of a row on a wide screen; each is measured. */
const rowHeightPx = 52;
/** With more, one searches. */
const searchFrom = 9;

export function NodeChoice({ placement, onChange }: NodeChoiceProps): ReactElement {
  const { places, chosen, placed, memoryMb } = placement;
  const [text, setText] = useState('');
  const scroller = useRef<HTMLDivElement>(null);
  const shown = places.filter(({ name }) => name.toLowerCase().includes(text.trim().toLowerCase()));
  const count = places.filter(({ name }) => chosen.has(name)).length;
  const rows = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeightPx,
    getItemKey: (at) => shown[at]?.name ?? at,
    overscan: 8,
  });
  const toggle = (name: string) => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    onChange(describeRange(places.flatMap((host) => (next.has(host.name) ? [host.name] : []))));
  };
  return (
    <section aria-label="Nodes that may run them" className="rounded-md border bg-surface-1">
      <header className="flex min-h-10 flex-wrap items-center gap-2 border-b px-3 py-1.5">
        <Checkbox
          checked={count > 0 && count === places.length}
          isMixed={count > 0 && count < places.length}
          onCheckedChange={(all) => {
            onChange(all ? describeRange(places.map(({ name }) => name)) : '');
          }}
          aria-label="All nodes"
        />
        <span className="flex-1 text-sm text-fg-2 numbers">
          {count} of {countOf(places.length, 'node')}, and their memory that VMs are promised
        </span>
        {places.length < searchFrom ? null : (
          <input
            type="search"
            aria-label="Filter nodes by name"
            placeholder="node…"
            value={text}
            onChange={(event) => {
              setText(event.target.value);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') event.preventDefault();
            }}
            className={cx(controlLook, 'h-7 w-36 px-2 font-mono text-sm max-md:h-9')}
          />
        )}
      </header>
      {places.length === 0 ? (
        <p className="px-3 py-4 text-fg-2">No node has told what it has yet.</p>
      ) : shown.length === 0 ? (
        <p className="px-3 py-4 text-fg-2">No node has this in its name.</p>
      ) : null}
      <div ref={scroller} className="max-h-80 scroller overflow-y-auto" tabIndex={-1}>
        <ul style={{ height: rows.getTotalSize() }} className="relative">
          {rows.getVirtualItems().map((item) => {
            const host = shown[item.index];
            if (!host) return null;
            const vms = placed?.byNode.get(host.name)?.length ?? 0;
            const isChosen = chosen.has(host.name);
            return (
              <li
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                style={{ transform: `translateY(${item.start}px)` }}
                className="absolute inset-x-0 top-0 flex min-h-13 flex-wrap items-center gap-x-3 gap-y-1 border-b px-3 py-1.5 last:border-b-0 sm:flex-nowrap"
              >
                <Checkbox
                  checked={isChosen}
                  onCheckedChange={() => {
                    toggle(host.name);
                  }}
                  aria-label={host.name}
                />
                <button
                  type="button"
                  tabIndex={-1}
                  onClick={() => {
                    toggle(host.name);
                  }}
                  className={cx(
                    'min-w-0 flex-1 truncate text-left font-mono text-sm sm:w-32 sm:flex-none',
                    isChosen ? 'text-fg-1' : 'text-fg-3',
                  )}
                >
                  {host.name}
                </button>
                <span className="flex min-w-0 max-sm:order-last max-sm:basis-full max-sm:pl-7 sm:flex-1">
                  <CapacityBar host={host} addedMb={vms * (memoryMb ?? 0)} />
                </span>
                <span
                  className={cx(
                    'w-20 shrink-0 text-right text-sm whitespace-nowrap numbers',
                    vms > 0 ? 'font-medium text-fg-1' : 'text-fg-3',
                  )}
                >
                  {vms > 0 ? `+${countOf(vms, 'VM')}` : isChosen ? 'none' : ''}
                </span>
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}
