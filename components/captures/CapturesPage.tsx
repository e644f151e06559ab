'use client';
// All captures of the cluster: what runs, what has ended, and the packets of the one that is selected. Several go into one file.
import { Radio } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { countOf } from '../../lib/format.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { PageHeader } from '../frame/PageHeader.tsx';
import { phoneScreen, useMedia } from '../frame/use-media.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { parseSort, sortText } from '../table/column.ts';
import { DataTable } from '../table/DataTable.tsx';
import { noMarks, type Marks } from '../table/marks.ts';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { ServerClock } from '../vms/ServerClock.tsx';
import { CaptureButton } from './CaptureButton.tsx';
import { CaptureDetails, DownloadButton } from './CaptureDetails.tsx';
import { captureAddress, describePlace, type CaptureLine } from './capture-line.ts';
import { captureColumns, capturePhoneLines, sortCaptures } from './columns.tsx';
import { useCaptures, useCaptureTargets } from './use-captures.ts';

const keyOf = ({ key }: CaptureLine): string => key;
const nameOf = ({ capture, node }: CaptureLine): string => `${describePlace(capture)} on ${node}`;
const shows = ['all', 'running', 'ended'] as const;
type Show = (typeof shows)[number];

export function CapturesPage(): ReactElement {
  const all = useCaptures();
  const targets = useCaptureTargets();
  const status = useFleetPart((fleet) => fleet.status);
  const isPhone = useMedia(phoneScreen);
  const { get, set } = useUrlState();
  const [marks, setMarks] = useState<Marks>(noMarks);
  const show: Show = shows.find((name) => name === get('show')) ?? 'all';
  const sortWord = get('sort');
  const sort = useMemo(() => parseSort(captureColumns, sortWord, ''), [sortWord]);
  const rows = useMemo(() => {
    const fits = all.filter(({ capture }) => show === 'all' || (capture.State === 'running') === (show === 'running'));
    return sortCaptures(fits, sort);
  }, [all, show, sort]);
  const selected = all.find((line) => captureAddress(line) === get('capture'));
  const marked = all.filter(({ key }) => marks.has(key));
  const running = all.filter(({ capture }) => capture.State === 'running').length;
  const select = (key: string | null): void => {
    const line = all.find((each) => each.key === key);
    set({ capture: line ? captureAddress(line) : null });
  };

  if (status === 'loading') return <SkeletonRows label="The captures are loading" count={6} />;
  const start = <CaptureButton targets={targets} variant="primary" size="md" />;
  if (all.length === 0) {
    return (
      <>
        <PageHeader title="Captures" />
        <EmptyState icon={<Radio />} title="No captures yet" action={start}>
          Here you will see the packets of a VM’s NIC, or of all VMs on a bridge, as they come, and download them for
          Wireshark: of several places in one file.
        </EmptyState>
      </>
    );
  }
  return (
    <>
      <PageHeader
        title="Captures"
        state={
          <StateMark state={running > 0 ? 'busy' : 'ok'}>
            {running === 0 ? 'None runs' : `${running} running`}
          </StateMark>
        }
        actions={start}
      />
      {isPhone && selected ? null : (
        <>
          <div className="flex flex-wrap items-center gap-2 px-4 pb-3 md:px-6">
            <Segmented<Show>
              label="Show"
              value={show}
              onValueChange={(next) => set({ show: next === 'all' ? null : next })}
              options={[
                { value: 'all', label: 'All' },
                { value: 'running', label: 'Running' },
                { value: 'ended', label: 'Ended' },
              ]}
            />
            <span className="text-sm text-fg-3 numbers">{countOf(rows.length, 'capture')}</span>
            {marked.length === 0 ? null : (
              <span className="ml-auto flex flex-wrap items-center gap-2" role="group" aria-label="Marked captures">
                <DownloadButton captures={marked} size="sm" />
                <Button size="sm" variant="ghost" onClick={() => setMarks(noMarks)}>
                  Clear marks
                </Button>
              </span>
            )}
          </div>
          <div className="flex min-h-40 flex-1 flex-col border-t bg-surface-1">
            {rows.length === 0 ? (
              <p className="px-4 py-6 text-fg-2 md:px-6">No capture fits this filter.</p>
            ) : (
              <ServerClock>
                <DataTable
                  label="Captures"
                  columns={captureColumns}
                  rows={rows}
                  keyOf={keyOf}
                  nameOf={nameOf}
                  phone={capturePhoneLines}
                  sort={sort}
                  onSort={(next) => set({ sort: sortText(next) })}
                  selected={selected?.key ?? ''}
                  onSelect={select}
                  marks={marks}
                  onMark={setMarks}
                />
              </ServerClock>
            )}
          </div>
        </>
      )}
      {selected === undefined ? null : (
        <CaptureDetails key={selected.key} line={selected} onClose={() => select(null)} />
      )}
    </>
  );
}
