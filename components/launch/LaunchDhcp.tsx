'use client';
// DHCP on the VLANs that the new VMs join: who serves it, and a way to start it before they boot.
import { useMemo, useState, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import type { FleetVm } from '../../contract/fleet.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { serversOn, serverStates } from '../dhcp/dhcp-view.ts';
import { StartDhcpDialog } from '../dhcp/StartDhcpDialog.tsx';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import type { ClusterRows, LanChoice } from './cluster-facts.ts';

export interface LaunchDhcpProps {
  /** As the form names them. */
  readonly networks: readonly string[];
  readonly lans: readonly LanChoice[];
  readonly rows: ClusterRows;
  readonly namespace: string;
}

const noVms: readonly FleetVm[] = [];

export function LaunchDhcp({ networks, lans, rows, namespace }: LaunchDhcpProps): ReactElement {
  const dhcp = useFleetPart(({ view }) => rowsOf(view, fleetKeys.dhcp));
  const leases = useFleetPart(({ view }) => rowsOf(view, fleetKeys.leases));
  const lack = useLack('dhcp');
  const mayStart = useRefusal('operator');
  const refusal = mayStart !== '' ? mayStart : lack;
  const [opened, setOpened] = useState({ name: '', isOpen: false });
  const nameOf = useMemo(() => (id: string) => rows.nodes.get(id)?.Name ?? id, [rows.nodes]);
  const vlanOf = (name: string) =>
    lans.find(({ alias }) => alias === name)?.vlan ?? (/^\d{1,4}$/.test(name) ? Number(name) : 0);
  const serversOf = (name: string) => {
    const vlan = vlanOf(name);
    return vlan === 0 ? [] : serversOn(vlan, { dhcp, leases }, { cluster: rows.cluster, nameOf, vms: noVms });
  };
  return (
    <section aria-label="DHCP" className="flex flex-col gap-2">
      <h3 className="text-sm font-medium text-fg-2">DHCP</h3>
      <ul className="flex flex-col gap-1.5">
        {networks.map((name) => {
          const servers = serversOf(name);
          return (
            <li key={name} className="flex min-h-9 flex-wrap items-center gap-x-3 gap-y-1 rounded-md border px-3 py-1">
              <span className="font-mono text-sm">{name}</span>
              {servers.length === 0 ? (
                <>
                  <span className="min-w-0 flex-1 text-sm text-fg-2">no server: guests need static addresses</span>
                  <Button
                    size="sm"
                    disabledReason={refusal}
                    aria-label={`DHCP on ${name}`}
                    onClick={() => setOpened({ name, isOpen: true })}
                  >
                    DHCP on this VLAN…
                  </Button>
                </>
              ) : (
                servers.map(({ key, node, server }) => (
                  <StateMark key={key} state={serverStates[server.State].tone}>
                    <span className="text-sm">
                      {node} gives {server.Low} to {server.High}
                    </span>
                  </StateMark>
                ))
              )}
            </li>
          );
        })}
      </ul>
      <StartDhcpDialog
        key={opened.name}
        open={opened.isOpen}
        onOpenChange={(isOpen) => setOpened((before) => ({ ...before, isOpen }))}
        vlan={vlanOf(opened.name)}
        name={opened.name}
        namespace={namespace}
        vms={noVms}
      />
    </section>
  );
}
