'use client';
// DHCP on one VLAN: which nodes serve it, what they gave to whom, and how to start and stop it.
import { Plus, Square } from 'lucide-react';
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { safeText } from '../../core/safe-text.ts';
import { countOf, formatInstant } from '../../lib/format.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { useCluster, useClusterPath } from '../frame/use-cluster.ts';
import { useLack } from '../fleet/use-lack.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Notice } from '../ui/Notice.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { LineAnswers } from '../vlans/LineAnswers.tsx';
import { useLines } from '../vlans/use-lines.ts';
import { vmPath } from '../vms/vm-line.ts';
import { serverStates, stopLine, type VlanLease, type VlanServer } from './dhcp-view.ts';
import { useServersOn } from './use-dhcp.ts';

/** `dnsmasq leases` has all of them. */
const shownLeases = 50;

export interface VlanDhcpProps {
  readonly vlan: number;
  /** VMs on it. */
  readonly vms: readonly FleetVm[];
  readonly onStart: () => void;
}

export function VlanDhcp({ vlan, vms, onStart }: VlanDhcpProps): ReactElement {
  const servers = useServersOn(vlan, vms);
  const lack = useLack('dhcp');
  const mayStart = useRefusal('operator');
  const refusal = mayStart !== '' ? mayStart : lack;
  const nodes = [...new Set(servers.map(({ node }) => node))];
  return (
    <div className="flex flex-col gap-3">
      {servers.length > 1 ? (
        <Notice state="warn" title={`${servers.length} DHCP servers are on this VLAN`}>
          They run on {describeRange(nodes)}. A guest takes the answer that comes first: stop all but one.
        </Notice>
      ) : null}
      {servers.length === 0 ? (
        <p className="text-fg-3">No node serves DHCP on it: guests need static addresses.</p>
      ) : (
        servers.map((each) => <Server key={each.key} server={each} namespace={each.server.Namespace} />)
      )}
      <div>
        <Button
          size="sm"
          icon={<Plus className="size-4" />}
          disabledReason={refusal}
          variant={servers.length === 0 ? 'secondary' : 'ghost'}
          onClick={onStart}
        >
          {servers.length === 0 ? 'DHCP on this VLAN…' : 'Another server…'}
        </Button>
      </div>
    </div>
  );
}

function Server({
  server: { server, node, leases },
  namespace,
}: {
  server: VlanServer;
  namespace: string;
}): ReactElement {
  const asCommand = useShellCommand();
  const cluster = useCluster();
  const withCluster = useClusterPath();
  const refusal = useRefusal('operator');
  const lines = useLines(cluster?.Id ?? '');
  const line = stopLine({ node, attached: cluster?.AttachedTo ?? '', namespace }, server.Id);
  const { tone, word } = serverStates[server.State];
  return (
    <section aria-label={`DHCP on ${node}`} className="flex flex-col gap-2 rounded-md border bg-surface-1 p-3">
      <div className="flex items-center gap-2">
        <Link
          href={withCluster(`/nodes/${encodeURIComponent(node)}`)}
          className="font-mono font-medium hover:text-accent hover:underline"
        >
          {node}
        </Link>
        <StateMark state={tone}>{word}</StateMark>
        <span className="ml-auto flex items-center gap-1">
          <CopyButton text={asCommand(line)} label="Copy the command that stops it" />
          <Button
            size="sm"
            variant="ghost"
            icon={<Square className="size-3.5" />}
            isBusy={lines.isBusy}
            disabledReason={refusal}
            aria-label={`Stop DHCP on ${node}`}
            onClick={() => void lines.run([line])}
          >
            Stop
          </Button>
        </span>
      </div>
      {server.Reason === '' ? null : <p className="text-sm break-words text-warn">{safeText(server.Reason)}</p>}
      <FactList>
        <Fact name="Server" isMono>
          {server.Address}
        </Fact>
        <Fact name="Guests get" isMono>
          {server.Low} to {server.High}
        </Fact>
        <Fact name="Gateway" isMono>
          {server.Gateway === '' ? <span className="font-sans text-fg-3">none</span> : server.Gateway}
        </Fact>
        <Fact name="DNS" isMono>
          {server.Dns.length === 0 ? <span className="font-sans text-fg-3">the server</span> : server.Dns.join(', ')}
        </Fact>
      </FactList>
      <Leases leases={leases} />
      <LineAnswers answers={lines.hasFailed ? lines.answers : []} />
    </section>
  );
}

function Leases({ leases }: { leases: readonly VlanLease[] }): ReactElement {
  if (leases.length === 0) return <p className="text-sm text-fg-3">No lease yet.</p>;
  return (
    <div>
      <h4 className="mb-1 text-sm text-fg-2">{countOf(leases.length, 'lease')}</h4>
      <ul>
        {leases.slice(0, shownLeases).map(({ lease, vm, vmNode }) => (
          <li
            key={lease.Mac}
            title={`${lease.Mac}, until ${formatInstant(lease.Expires)}`}
            className="flex min-h-7 flex-wrap items-baseline gap-x-3 border-l border-line pl-3 text-sm"
          >
            <span className="font-mono numbers">{lease.Ip}</span>
            {vm === null ? (
              <span className="font-mono text-fg-3">{lease.Mac}</span>
            ) : (
              <LeasedVm vm={vm} node={vmNode} />
            )}
            {lease.Name === '' || lease.Name === vm?.Name ? null : (
              <span className="min-w-0 truncate text-fg-3">{safeText(lease.Name)}</span>
            )}
          </li>
        ))}
      </ul>
      {leases.length > shownLeases ? (
        <p className="text-sm text-fg-3">And {leases.length - shownLeases} more: `dnsmasq leases` lists all.</p>
      ) : null}
    </div>
  );
}

function LeasedVm({ vm, node }: { vm: FleetVm; node: string }): ReactElement {
  const withCluster = useClusterPath();
  return (
    <Link href={withCluster(vmPath({ node, vm }))} className="font-mono font-medium hover:text-accent hover:underline">
      {vm.Name}
    </Link>
  );
}
