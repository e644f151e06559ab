'use client';
// All VMs of the cluster as a live table: find, filter, mark many and act on them. What is shown and selected is in the URL.
import { Box } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useId, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { countOf } from '../../lib/format.ts';
import { useFleetPart, useReadable } from '../../lib/use-console.ts';
import { Inspected } from '../frame/Inspected.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { useUrlState } from '../frame/use-url-state.ts';
import { parseSort, sortText } from '../table/column.ts';
import { DataTable } from '../table/DataTable.tsx';
import { noMarks, type Marks } from '../table/marks.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { SearchInput } from '../ui/SearchInput.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { LaunchButton } from './LaunchButton.tsx';
import { fewVmColumns, orderBy, vmColumns, vmPhoneLines } from './columns.tsx';
import { SavedViews } from './SavedViews.tsx';
import { ServerClock } from './ServerClock.tsx';
import { noVms, useVmSource } from './use-vm-source.ts';
import { useVmActions } from './use-vm-actions.ts';
import { parseVmFilter, type VmFilter } from './vm-filter.ts';
import { vmAddress, vmPath, type VmLine } from './vm-line.ts';
import { describeVms } from './vm-states.ts';
import { VmActionBar } from './VmActionBar.tsx';
import { VmInspector } from './VmInspector.tsx';
import { VmSegments } from './VmSegments.tsx';
import { VmStateShape } from './VmStateMark.tsx';

const keyOf = ({ key }: VmLine): string => key;
const nameOf = ({ vm, node }: VmLine): string => `${vm.Name} on ${node}`;
const everything: VmFilter = () => true;

export function VmsPage(): ReactElement {
  const source = useVmSource();
  const table = useReadable(source?.state ?? null, noVms);
  const status = useFleetPart((fleet) => fleet.status);
  const { get, set } = useUrlState();
  const router = useRouter();
  const withCluster = useClusterPath();
  const errorId = useId();
  const [marks, setMarks] = useState<Marks>(noMarks);
  const acting = useVmActions(source);

  const filterText = get('q');
  const sortWord = get('sort');
  const sort = useMemo(() => parseSort(vmColumns, sortWord, 'name'), [sortWord]);
  const { fits, error } = useFilter(filterText);
  const order = useMemo(() => orderBy(sort), [sort]);
  useEffect(() => source?.arrange({ order, fits }), [source, order, fits]);

  const [selectedNode = '', selectedVm = ''] = get('vm').split('/');
  const selected = source?.find(selectedNode, selectedVm);
  const marked = [...marks].flatMap((key) => source?.vm(key) ?? []);
  const select = (key: string | null): void => {
    const line = key === null ? undefined : source?.vm(key);
    set({ vm: line ? vmAddress(line) : null });
  };

  if (status === 'loading') return <SkeletonRows label="The VMs are loading" count={10} />;
  if (table.total === 0) return <NoVms />;
  const { tone, text } = describeVms({ states: table.counts.states, nodes: table.counts.nodes.size });
  return (
    <Inspected
      inspector={
        selected === undefined
          ? null
          : {
              title: <span className="font-mono">{selected.vm.Name}</span>,
              body: (
                <ServerClock key={selected.key}>
                  <VmInspector source={source} line={selected} />
                </ServerClock>
              ),
            }
      }
      onClose={() => select(null)}
    >
      <PageHeader
        title="VMs"
        state={
          <span className="inline-flex items-center gap-1.5">
            <VmStateShape state={tone === 'bad' ? 'ERROR' : 'RUNNING'} tone={tone} />
            {text}
          </span>
        }
        actions={<LaunchButton />}
      />
      <div className="flex flex-wrap items-center gap-2 px-4 pb-2 md:px-6">
        <SearchInput
          label="Filter VMs"
          placeholder="Words, or state=running vlan=lan"
          value={filterText}
          onValueChange={(next) => set({ q: next })}
          found={error === '' ? countOf(table.rows.length, 'VM') : ''}
          errorId={error === '' ? '' : errorId}
          isWide
        />
        <SavedViews
          current={{ filter: filterText, sort: sortWord, by: get('by') }}
          onChoose={(view) => set({ q: view.filter, sort: view.sort, by: view.by }, { isStep: true })}
        />
        <span className="text-sm text-fg-3 numbers">
          {table.rows.length === table.total
            ? countOf(table.total, 'VM')
            : `${table.rows.length} of ${countOf(table.total, 'VM')}`}
        </span>
        {error === '' ? null : (
          <p id={errorId} role="alert" className="w-full text-sm break-words text-bad">
            {error}
          </p>
        )}
      </div>
      <VmSegments
        counts={table.counts}
        by={get('by')}
        onBy={(by) => set({ by })}
        filter={filterText}
        onFilter={(next) => set({ q: next })}
      />
      <div className="flex min-h-60 flex-1 flex-col border-t bg-surface-1">
        {table.rows.length === 0 ? (
          <EmptyState
            title="No VM fits"
            action={<Button onClick={() => set({ q: null })}>Show all {table.total}</Button>}
          >
            Type part of a name, a node, an address or a tag, or conditions such as state!=running node=node2 vlan=lan.
            All of them must hold.
          </EmptyState>
        ) : (
          <ServerClock>
            <DataTable
              label="VMs"
              columns={selected === undefined ? vmColumns : fewVmColumns}
              rows={table.rows}
              keyOf={keyOf}
              nameOf={nameOf}
              phone={vmPhoneLines}
              sort={sort}
              onSort={(next) => set({ sort: sortText(next) === 'name' ? null : sortText(next) })}
              selected={selected?.key ?? ''}
              onSelect={select}
              onOpen={(line) => router.push(withCluster(vmPath(line)))}
              marks={marks}
              onMark={setMarks}
            />
          </ServerClock>
        )}
      </div>
      <VmActionBar acting={acting} marked={marked} fits={fits} onClear={() => setMarks(noMarks)} />
    </Inspected>
  );
}

/** The filter as typed; while it cannot be read, the last one that could. */
function useFilter(text: string): { fits: VmFilter; error: string } {
  const parsed = useMemo(() => parseVmFilter(text), [text]);
  const [last, setLast] = useState<{ fits: VmFilter }>({ fits: everything });
  if (parsed.ok && parsed.fits !== last.fits) setLast({ fits: parsed.fits });
  return parsed.ok ? { fits: parsed.fits, error: '' } : { fits: last.fits, error: parsed.message };
}

function NoVms(): ReactElement {
  const asCommand = useShellCommand();
  return (
    <>
      <PageHeader title="VMs" />
      <EmptyState icon={<Box />} title="No VMs yet" action={<LaunchButton />}>
        <p>
          Here you will see each VM with its state, its node, its VLANs and its addresses, and act on many at once. By
          commands, on any node:
        </p>
        <div className="mt-3 flex flex-col gap-1 text-left">
          <CommandLine command={asCommand('vm config disks web.qcow2')} />
          <CommandLine command={asCommand('vm launch kvm web[1-4]')} />
        </div>
      </EmptyState>
    </>
  );
}
