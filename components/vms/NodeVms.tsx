'use client';
// The VMs of one node, on its page: how many in which state, the ones that need somebody first, and the way to all of them.
import Link from 'next/link';
import { useMemo, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { countOf } from '../../lib/format.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { Button } from '../ui/Button.tsx';
import { Panel } from '../ui/Panel.tsx';
import { countStates } from './count-states.ts';
import { VlanChips } from './VlanChips.tsx';
import { vmLine, vmPath } from './vm-line.ts';
import { describeStates, stateRank } from './vm-states.ts';
import { VmStateMark } from './VmStateMark.tsx';

const shownVms = 12;

export function NodeVms({ node }: { node: { readonly id: string; readonly name: string } }): ReactElement {
  const withCluster = useClusterPath();
  const all = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vms));
  const vms = useMemo(() => [...all.values()].filter(({ Node: id }) => id === node.id), [all, node.id]);
  const shown = vms
    .toSorted((a, b) => stateRank(a) - stateRank(b) || compareNames(a.Name, b.Name))
    .slice(0, shownVms)
    .map((vm) => vmLine(vm, node.name, []));
  const toAll = withCluster(`/vms?q=${encodeURIComponent(`node=${node.name}`)}`);
  return (
    <Panel
      title={countOf(vms.length, 'VM')}
      isFlush
      actions={
        vms.length === 0 ? null : (
          <Button size="sm" variant="ghost" render={<Link href={toAll} />}>
            All of them
          </Button>
        )
      }
    >
      {vms.length === 0 ? (
        <p className="p-4 text-fg-3">None here.</p>
      ) : (
        <>
          <p className="px-4 pt-3 pb-1 text-fg-2">{describeStates(countStates(vms))}</p>
          <ul className="pb-2">
            {shown.map((line) => (
              <li key={line.key}>
                <Link
                  href={withCluster(vmPath(line))}
                  prefetch={false}
                  className="flex min-h-9 items-center gap-3 px-4 hover:bg-surface-2"
                >
                  <span className="w-28 shrink-0 truncate font-mono text-sm" title={line.vm.Name}>
                    {line.vm.Name}
                  </span>
                  <span className="min-w-0 flex-1 truncate text-sm">
                    <VmStateMark vm={line.vm} />
                  </span>
                  <span className="min-w-0 max-sm:hidden">
                    <VlanChips nics={line.nics} />
                  </span>
                </Link>
              </li>
            ))}
          </ul>
          {vms.length > shown.length ? (
            <p className="px-4 pb-3 text-sm text-fg-3">and {vms.length - shown.length} more</p>
          ) : null}
        </>
      )}
    </Panel>
  );
}
