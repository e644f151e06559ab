'use client';
// What a launch has made, to begin with at once: each VM with its address and the ways to its consoles.
import Link from 'next/link';
import { useMemo, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import type { RunView } from '../../contract/plans.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { safeText } from '../../core/safe-text.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Panel } from '../ui/Panel.tsx';
import { ConsoleLinks } from '../vms/ConsoleLinks.tsx';
import { VlanChips } from '../vms/VlanChips.tsx';
import { vmLine, vmPath, type VmLine } from '../vms/vm-line.ts';
import { VmStateMark } from '../vms/VmStateMark.tsx';
import { launchedVms } from './progress.ts';

/** With more, one goes to the page of VMs. */
const maxShown = 32;

export function LaunchedVms({ run }: { readonly run: RunView }): ReactElement | null {
  const vms = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const taps = useFleetPart(({ view }) => rowsOf(view, fleetKeys.taps));
  const nodes = useFleetPart(({ view }) => view.nodes);
  const withCluster = useClusterPath();
  const made = useMemo(
    () => launchedVms(run, { vms, nodes }).toSorted((a, b) => compareNames(a.vm.Name, b.vm.Name)),
    [run, vms, nodes],
  );
  const lines = useMemo(
    () =>
      made.slice(0, maxShown).map(({ node, vm }) => {
        const own = [...taps.values()].filter((tap) => tap.Node === vm.Node && tap.Vm === vm.Id);
        return vmLine(vm, node, own);
      }),
    [made, taps],
  );
  if (lines.length === 0) return null;
  const of = encodeURIComponent(`namespace=${lines[0]?.vm.Namespace ?? ''}`);
  return (
    <Panel isFlush title="The VMs">
      <ul aria-label="VMs of this launch">
        {lines.map((line) => (
          <LaunchedVm key={line.key} line={line} />
        ))}
      </ul>
      {made.length > lines.length ? (
        <p className="border-t px-4 py-2 text-sm">
          <Link href={withCluster(`/vms?q=${of}`)} className="text-accent hover:underline">
            All {made.length}
          </Link>
        </p>
      ) : null}
    </Panel>
  );
}

function LaunchedVm({ line }: { readonly line: VmLine }): ReactElement {
  const withCluster = useClusterPath();
  const { vm, node, nics, addresses } = line;
  const address = safeText(addresses[0] ?? '');
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-b px-4 py-2 last:border-b-0">
      <Link
        href={withCluster(vmPath(line))}
        prefetch={false}
        className="w-28 truncate rounded-sm font-mono text-sm font-medium hover:text-accent hover:underline"
      >
        {vm.Name}
      </Link>
      <span className="w-20 truncate font-mono text-sm text-fg-2">{node}</span>
      <span className="w-28 text-sm">
        <VmStateMark vm={vm} />
      </span>
      <VlanChips nics={nics} />
      <span className="flex min-w-48 flex-1 items-center gap-1 text-sm">
        {address === '' ? (
          <span className="text-fg-3">{nics.length === 0 ? 'no network' : 'no address heard yet'}</span>
        ) : (
          <>
            <span className="font-mono break-all">{address}</span>
            <CopyButton text={address} label={`Copy the address of ${vm.Name}`} />
          </>
        )}
      </span>
      <span className="flex gap-2">
        <ConsoleLinks line={line} />
      </span>
    </li>
  );
}
