'use client';
// The VMs of a VLAN by node, each with its state and a way to it.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { countOf } from '../../lib/format.ts';
import { useClusterPath } from '../frame/use-cluster.ts';
import { StateMark, StateShape } from '../ui/StateMark.tsx';
import { vmPath } from '../vms/vm-line.ts';
import { stateLook } from '../vms/vm-states.ts';
import type { MapNode, MapVlan, VlanName } from './vlan-view.ts';

/** Of one node; a link leads to all of them. */
const shownOnNode = 12;
const shownNodes = 25;

/** All VMs on a number. */
export function vmsPath({ vlan }: VlanName): string {
  return `/vms?q=${encodeURIComponent(`vlan=${vlan}`)}`;
}

export interface VlanMembersProps {
  nodes: readonly MapNode[];
  vlan: MapVlan;
  /** By name. */
  vms: readonly FleetVm[];
  /** Stands first. */
  first: MapNode | null;
  onSelectNode: (id: string) => void;
}

export function VlanMembers({ nodes: all, vlan, vms, first, onSelectNode }: VlanMembersProps): ReactElement {
  const withCluster = useClusterPath();
  const nodes = all.filter(({ id }) => vlan.cells.has(id));
  const ordered = first === null ? nodes : [first, ...nodes.filter(({ id }) => id !== first.id)];
  if (vms.length === 0 && first === null) return <p className="text-fg-3">No VM is on it.</p>;
  return (
    <div className="flex flex-col gap-3">
      {ordered.slice(0, shownNodes).map((node) => {
        const here = vms.filter(({ Node }) => Node === node.id);
        return (
          <div key={node.id}>
            <button
              type="button"
              onClick={() => onSelectNode(node.id)}
              className="flex w-full items-center gap-2 rounded-sm text-left text-sm hover:text-accent"
            >
              {node.state === 'member' ? null : <StateShape state="lost" />}
              <span className="font-mono font-medium">{node.name}</span>
              <span className="text-fg-3">{countOf(here.length, 'VM')}</span>
              {node.uplink === '' ? <span className="text-xs text-warn">no uplink</span> : null}
            </button>
            <ul className="mt-1">
              {here.slice(0, shownOnNode).map((vm) => (
                <Member key={vm.Id} vm={vm} vlan={vlan} href={withCluster(vmPath({ node: node.name, vm }))} />
              ))}
              {here.length > shownOnNode ? (
                <li className="py-0.5 pl-3 text-sm">
                  <Link href={withCluster(vmsPath(vlan))} prefetch={false} className="text-accent hover:underline">
                    {here.length - shownOnNode} more
                  </Link>
                </li>
              ) : null}
            </ul>
          </div>
        );
      })}
      {ordered.length > shownNodes ? (
        <p className="text-sm text-fg-3">And {countOf(ordered.length - shownNodes, 'more node')}.</p>
      ) : null}
    </div>
  );
}

function Member({ vm, vlan, href }: { vm: FleetVm; vlan: MapVlan; href: string }): ReactElement {
  const { tone, word } = stateLook(vm);
  return (
    <li className="flex min-h-7 items-center gap-2 border-l border-line pl-3 text-sm max-md:min-h-11">
      <Link
        href={href}
        // A page of each of them would be loaded as soon as it is seen.
        prefetch={false}
        className="min-w-0 truncate font-mono hover:text-accent hover:underline"
        title={vm.Name}
      >
        {vm.Name}
      </Link>
      {vm.Namespace === vlan.namespace || vlan.namespace === '' ? null : (
        <span className="truncate text-xs text-fg-3">{vm.Namespace}</span>
      )}
      <StateMark state={tone} className="ml-auto shrink-0 text-fg-2">
        {word}
      </StateMark>
    </li>
  );
}
