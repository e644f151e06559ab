'use client';
// Facts of a VM as lists, the same in the inspector and on its page.
import Link from 'next/link';
import type { ReactElement } from 'react';
import type { FleetLease } from '../../contract/fleet.ts';
import { safeText } from '../../core/safe-text.ts';
import { describeVlan } from '../../core/vms/vlan-words.ts';
import { formatInstant, formatMegabytes } from '../../lib/format.ts';
import { leaseOf, useLeases } from '../dhcp/leases.ts';
import { Fact, FactList } from '../fleet/facts.tsx';
import { useClusterPath } from '../frame/use-cluster.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { Age } from './ServerClock.tsx';
import type { VmLine, VmNic } from './vm-line.ts';
import { VmStateMark } from './VmStateMark.tsx';

const accelerators: Readonly<Record<VmLine['vm']['Accelerator'], string>> = {
  kvm: 'KVM',
  tcg: 'none: many times slower, since its node has no KVM',
  '': 'not known',
};

export function VmFactList({ line }: { line: VmLine }): ReactElement {
  const { vm, node } = line;
  const withCluster = useClusterPath();
  return (
    <FactList>
      <Fact name="State">
        <VmStateMark vm={vm} />
      </Fact>
      <Fact name="Node" isMono>
        <Link href={withCluster(`/nodes/${encodeURIComponent(node)}`)} className="hover:text-accent hover:underline">
          {node}
        </Link>
      </Fact>
      <Fact name="Namespace" isMono>
        {vm.Namespace}
      </Fact>
      <Fact name="vCPUs">{vm.Vcpus}</Fact>
      <Fact name="Memory">{formatMegabytes(vm.Memory)}</Fact>
      <Fact name="Acceleration">{accelerators[vm.Accelerator]}</Fact>
      <Fact name="Launched">
        <span title={formatInstant(vm.Launched)}>
          <Age at={vm.Launched} /> ago
        </span>
      </Fact>
      <Fact name="Tags">
        {vm.Tags.length === 0 ? (
          <span className="text-fg-3">none</span>
        ) : (
          vm.Tags.map((tag) => (
            <div key={tag} className="font-mono text-sm break-words">
              {safeText(tag)}
            </div>
          ))
        )}
      </Fact>
      <Fact name="UUID" isMono>
        <span className="flex items-center gap-1">
          <span className="min-w-0 truncate" title={vm.Uuid}>
            {vm.Uuid}
          </span>
          <CopyButton text={vm.Uuid} label="Copy the UUID" />
        </span>
      </Fact>
      <Fact name="Id on its node">{vm.Id}</Fact>
    </FactList>
  );
}

export function NicList({ nics }: { nics: readonly VmNic[] }): ReactElement {
  const leases = useLeases();
  if (nics.length === 0) return <p className="text-fg-3">It has no NIC.</p>;
  return (
    <ul className="flex flex-col gap-3">
      {nics.map((nic) => (
        <li key={nic.index}>
          <p className="mb-1 flex items-center gap-2">
            <span className="text-sm text-fg-3">NIC {nic.index}</span>
            <span className="font-medium">{describeVlan(nic)}</span>
          </p>
          <Nic nic={nic} lease={leaseOf(leases.values(), nic)} />
        </li>
      ))}
    </ul>
  );
}

function Nic({ nic: { mac, tap }, lease }: { nic: VmNic; lease: FleetLease | null }): ReactElement {
  const addresses = [tap?.Ip4 ?? '', tap?.Ip6 ?? ''].filter((address) => address !== '');
  return (
    <FactList>
      <Fact name="MAC" isMono>
        {mac}
      </Fact>
      <Fact name="IP" isMono>
        {addresses.length === 0 ? (
          <span className="font-sans text-fg-3">{tap === null ? 'not known' : 'the guest has said nothing'}</span>
        ) : (
          addresses.map((address) => <div key={address}>{safeText(address)}</div>)
        )}
      </Fact>
      {lease === null ? null : (
        <Fact name="DHCP lease" isMono>
          {lease.Ip}
          <span className="font-sans text-fg-3"> until {formatInstant(lease.Expires)}</span>
        </Fact>
      )}
      {tap === null || tap.Qos === '' ? null : (
        <Fact name="QoS" isMono>
          {tap.Qos}
        </Fact>
      )}
      <Fact name="Tap" isMono>
        {tap === null ? (
          <span className="font-sans text-fg-3">not known</span>
        ) : (
          <>
            {tap.Name}
            {tap.Bridge === '' ? null : <span className="text-fg-3"> in {tap.Bridge}</span>}
          </>
        )}
      </Fact>
      {tap === null ? null : (
        <Fact name="Port">
          <StateMark state={tap.Fault !== '' ? 'bad' : tap.Carrier && tap.Connected ? 'ok' : 'lost'}>
            {tap.Fault !== '' ? `${safeText(tap.Fault)}: being repaired` : describePort(tap)}
          </StateMark>
        </Fact>
      )}
    </FactList>
  );
}

function describePort({ Carrier: carrier, Connected: connected }: NonNullable<VmNic['tap']>): string {
  if (!carrier) return 'no carrier: QEMU does not hold the tap';
  return connected ? 'the switch forwards' : 'the switch does not forward';
}
