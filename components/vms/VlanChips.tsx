// The VLANs of a VM, one chip a NIC: alias and number.
import type { ReactElement } from 'react';
import { describeVlan } from '../../core/vms/vlan-words.ts';
import type { VmNic } from './vm-line.ts';

const shownChips = 3;

export function VlanChips({ nics }: { nics: readonly VmNic[] }): ReactElement {
  if (nics.length === 0) return <span className="text-fg-3">no NIC</span>;
  const more = nics.length - shownChips;
  return (
    <span className="flex min-w-0 items-center gap-1 overflow-hidden" title={nics.map(describeVlan).join(', ')}>
      {nics.slice(0, shownChips).map((nic) => (
        <VlanChip key={nic.index} nic={nic} />
      ))}
      {more > 0 ? <span className="text-xs text-fg-3">+{more}</span> : null}
    </span>
  );
}

export function VlanChip({ nic: { vlan, alias } }: { nic: Pick<VmNic, 'vlan' | 'alias'> }): ReactElement {
  return (
    <span className="inline-flex h-5 max-w-40 shrink-0 items-center gap-1 rounded-sm border border-line-strong px-1.5 text-xs whitespace-nowrap">
      {vlan < 0 ? (
        <span className="text-fg-3">disconnected</span>
      ) : (
        <>
          {alias === '' ? null : <span className="truncate font-mono">{alias}</span>}
          <span className={alias === '' ? 'numbers' : 'text-fg-3 numbers'}>{vlan}</span>
        </>
      )}
    </span>
  );
}
