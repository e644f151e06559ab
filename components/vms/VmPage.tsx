'use client';
// One VM: what can be done with it, its facts, NICs, disks and screen, and what changed since the page is open.
import { Box } from 'lucide-react';
import Link from 'next/link';
import { useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { formatClock, formatInstant } from '../../lib/format.ts';
import { useFleetPart, useReadable } from '../../lib/use-console.ts';
import { VmCaptures } from '../captures/PlaceCaptures.tsx';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { TraceLink } from '../probe/TraceLink.tsx';
import { Button } from '../ui/Button.tsx';
import { EmptyState } from '../ui/EmptyState.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { adviceOn } from './advice.ts';
import { ServerClock } from './ServerClock.tsx';
import { noVms, useVmSource } from './use-vm-source.ts';
import { useVmActions } from './use-vm-actions.ts';
import { vmChanges, type VmChange } from './vm-changes.ts';
import { NicList, VmFactList } from './vm-facts.tsx';
import type { VmLine } from './vm-line.ts';
import type { VmSource } from './vm-source.ts';
import { VmActions } from './VmActions.tsx';
import { VmConfigPanel } from './VmConfigPanel.tsx';
import { VmRatesPanel } from './VmRatesPanel.tsx';
import { VmRunResult } from './VmRunResult.tsx';
import { VmScreenPanel } from './VmScreenPanel.tsx';
import { VmStateMark, VmStateShape } from './VmStateMark.tsx';

export interface VmPageProps {
  /** Name of its node. */
  readonly node: string;
  /** Its id there; a name works too, for who types the address. */
  readonly vm: string;
}

export function VmPage({ node, vm }: VmPageProps): ReactElement {
  const source = useVmSource();
  useReadable(source?.state ?? null, noVms);
  const status = useFleetPart((fleet) => fleet.status);
  const withCluster = useClusterPath();
  const line = source?.find(node, vm);
  const last = useRef<VmLine | undefined>(undefined);
  useEffect(() => {
    if (line) last.current = line;
  }, [line]);
  if (status === 'loading' || source === null) return <SkeletonRows label="The VM is loading" />;
  if (line === undefined) {
    const name = last.current?.vm.Name;
    return (
      <EmptyState
        icon={<Box />}
        title={name === undefined ? `${node} has no VM ${vm}` : `${name} is gone`}
        action={<Button render={<Link href={withCluster('/vms')} />}>All VMs</Button>}
      >
        {name === undefined
          ? 'It may have been flushed, or belong to another cluster.'
          : 'It was flushed, or its namespace was cleared.'}
      </EmptyState>
    );
  }
  return (
    <ServerClock>
      <OpenVm key={line.key} source={source} line={line} />
    </ServerClock>
  );
}

function OpenVm({ source, line }: { source: VmSource; line: VmLine }): ReactElement {
  const acting = useVmActions(source);
  const changes = useChanges(line);
  const advice = adviceOn(line);
  return (
    <>
      <PageHeader
        title={<span className="font-mono">{line.vm.Name}</span>}
        state={<VmStateMark vm={line.vm} />}
        actions={<VmActions acting={acting} vms={[line]} buttons={['start', 'stop', 'shutdown', 'kill']} />}
      />
      <div className="flex flex-col gap-4 px-4 pb-6 md:px-6">
        {advice === null ? null : <Notice state={advice.state}>{advice.text}</Notice>}
        {acting.run === null ? null : (
          <div className="rounded-md border bg-surface-1 px-4 py-2">
            <VmRunResult acting={acting} />
          </div>
        )}
        <VmRatesPanel line={line} />
        <div className="grid items-start gap-4 md:grid-cols-2 xl:grid-cols-3">
          <div className="flex min-w-0 flex-col gap-4">
            <Panel title="Facts">
              <VmFactList line={line} />
            </Panel>
            <VmConfigPanel line={line} />
          </div>
          <div className="flex min-w-0 flex-col gap-4">
            <Panel
              title="Network"
              actions={
                line.nics.some(({ vlan }) => vlan > 0) ? (
                  <TraceLink namespace={line.vm.Namespace} from={line.vm.Name} />
                ) : undefined
              }
            >
              <NicList nics={line.nics} />
            </Panel>
            <VmCaptures line={line} />
          </div>
          <div className="flex min-w-0 flex-col gap-4">
            <VmScreenPanel line={line} />
            <Panel title="Changes since this page is open" isFlush>
              <Changes changes={changes} />
            </Panel>
          </div>
        </div>
      </div>
    </>
  );
}

/** More would be of another day. */
const keptChanges = 200;

/** Newest first. */
function useChanges(line: VmLine): readonly VmChange[] {
  const [seen, setSeen] = useState<{ line: VmLine; changes: readonly VmChange[] }>({ line, changes: [] });
  if (seen.line !== line) {
    const found = vmChanges(seen.line, line).toReversed();
    setSeen({ line, changes: found.length === 0 ? seen.changes : [...found, ...seen.changes].slice(0, keptChanges) });
  }
  return seen.changes;
}

function Changes({ changes }: { changes: readonly VmChange[] }): ReactElement {
  if (changes.length === 0) return <p className="p-4 text-fg-3">None so far.</p>;
  return (
    <ul className="max-h-90 scroller py-2" tabIndex={0} aria-label="Changes">
      {changes.map(({ at, look, text }, index) => (
        <li key={`${at} ${index}`} className="flex items-baseline gap-2.5 px-4 py-1">
          <time
            dateTime={new Date(at).toISOString()}
            title={formatInstant(at)}
            className="shrink-0 text-sm text-fg-3 numbers"
          >
            {formatClock(at)}
          </time>
          <span className="translate-y-px">
            <VmStateShape state={look.state} tone={look.tone} />
          </span>
          <span className="min-w-0 flex-1 break-words">{text}</span>
        </li>
      ))}
    </ul>
  );
}
