'use client';
// The columns of the table of VMs, and how a phone shows a VM.
import Link from 'next/link';
import type { ReactElement } from 'react';
import { safeText } from '../../core/safe-text.ts';
import { formatMegabytes } from '../../lib/format.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { compareValues, type Column, type Sort } from '../table/column.ts';
import type { PhoneLines } from '../table/table-props.ts';
import { Age } from './ServerClock.tsx';
import { VlanChips } from './VlanChips.tsx';
import { vmPath, type VmLine } from './vm-line.ts';
import type { VmOrder } from './vm-index.ts';
import { stateLook, stateRank } from './vm-states.ts';
import { VmStateMark, VmStateShape } from './VmStateMark.tsx';

const dash = <span className="text-fg-3">–</span>;

/** Whether the time since its launch says something: its QEMU runs. */
const isUp = ({ vm }: VmLine): boolean => ['BUILDING', 'RUNNING', 'PAUSED'].includes(vm.State);

const state: Column<VmLine> = {
  id: 'state',
  title: 'State',
  // `lost: node4 does not answer` fits.
  width: 13.25,
  sortBy: ({ vm }) => stateRank(vm),
  cell: ({ vm }) => <VmStateMark vm={vm} />,
};
const name: Column<VmLine> = {
  id: 'name',
  title: 'Name',
  sortBy: ({ vm }) => vm.Name,
  cell: (line) => <VmName line={line} />,
};
const node: Column<VmLine> = {
  id: 'node',
  title: 'Node',
  width: 6,
  sortBy: (line) => line.node,
  cell: (line) => <span className="font-mono">{line.node}</span>,
};
const namespace: Column<VmLine> = {
  id: 'namespace',
  title: 'Namespace',
  width: 6.5,
  sortBy: ({ vm }) => vm.Namespace,
  cell: ({ vm }) => <span className="font-mono">{vm.Namespace}</span>,
};
const vlans: Column<VmLine> = {
  id: 'vlans',
  title: 'VLANs',
  hint: 'VLAN of each NIC: alias and number',
  width: 9.75,
  sortBy: ({ nics }) => nics.find(({ vlan }) => vlan >= 0)?.vlan,
  cell: ({ nics }) => <VlanChips nics={nics} />,
};
const ip: Column<VmLine> = {
  id: 'ip',
  title: 'IP',
  hint: 'What the guest says its addresses are',
  // `169.254.254.207 +1` fits.
  width: 10.5,
  sortBy: ({ addresses }) => addresses[0],
  cell: ({ addresses }) =>
    addresses[0] === undefined ? (
      dash
    ) : (
      <span className="font-mono" title={safeText(addresses.join(', '))}>
        {safeText(addresses[0])}
        {addresses.length > 1 ? <span className="text-fg-3"> +{addresses.length - 1}</span> : null}
      </span>
    ),
};
const vcpus: Column<VmLine> = {
  id: 'vcpus',
  title: 'vCPUs',
  align: 'end',
  width: 4,
  sortBy: ({ vm }) => vm.Vcpus,
  cell: ({ vm }) => vm.Vcpus,
};
const memory: Column<VmLine> = {
  id: 'memory',
  title: 'Memory',
  align: 'end',
  width: 5.25,
  sortBy: ({ vm }) => vm.Memory,
  cell: ({ vm }) => formatMegabytes(vm.Memory),
};
const uptime: Column<VmLine> = {
  id: 'uptime',
  title: 'Up',
  hint: 'Time since its launch',
  align: 'end',
  width: 4,
  sortBy: (line) => (isUp(line) ? -line.vm.Launched : undefined),
  cell: (line) => (isUp(line) ? <Age at={line.vm.Launched} /> : dash),
};
const tags: Column<VmLine> = {
  id: 'tags',
  title: 'Tags',
  cell: ({ vm }) =>
    vm.Tags.length === 0 ? dash : <span title={safeText(vm.Tags.join('\n'))}>{safeText(vm.Tags.join(', '))}</span>,
};

export const vmColumns: readonly Column<VmLine>[] = [
  ...[state, name, node, namespace, vlans, ip],
  ...[vcpus, memory, uptime, tags],
];
/** Beside the inspector, which has the rest. */
export const fewVmColumns: readonly Column<VmLine>[] = [state, name, node, vlans, ip];

/** The order of the table for a sort; VMs with equal values are the index's to order. */
export function orderBy({ column, isDescending }: Sort): VmOrder {
  const valueOf = vmColumns.find(({ id }) => id === column)?.sortBy;
  if (valueOf === undefined) return () => 0;
  const sign = isDescending ? -1 : 1;
  return (a, b) => compareValues(valueOf(a), valueOf(b), sign);
}

function VmName({ line }: { line: VmLine }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <Link
      href={withCluster(vmPath(line))}
      prefetch={false}
      className="rounded-sm font-mono font-medium text-fg-1 hover:text-accent hover:underline"
    >
      {line.vm.Name}
    </Link>
  );
}

/** Name and state; node and VLANs. */
export function vmPhoneLines({ vm, node: host, nics }: VmLine): PhoneLines {
  const look = stateLook(vm);
  return {
    title: (
      <span className="flex items-center gap-2">
        <VmStateShape state={look.state} tone={look.tone} />
        <span className="min-w-0 truncate font-mono">{vm.Name}</span>
        <span className="min-w-0 flex-1 truncate text-right text-sm text-fg-2">
          {look.word}
          {look.reason === '' ? '' : `: ${look.reason}`}
        </span>
      </span>
    ),
    detail: (
      <span className="flex items-center gap-2">
        <span className="shrink-0 font-mono">{host}</span>
        <VlanChips nics={nics} />
      </span>
    ),
  };
}
