'use client';
// The edits of the page, loaded when the first one is opened. A VLAN stays as it was last while its window is open: what ends it also
// answers.
import type { ReactElement } from 'react';
import { StartDhcpDialog } from '../dhcp/StartDhcpDialog.tsx';
import { AddVlanDialog } from './AddVlanDialog.tsx';
import { DeleteVlanDialog } from './DeleteVlanDialog.tsx';
import { JoinVlanDialog } from './JoinVlanDialog.tsx';
import { NumbersDialog } from './NumbersDialog.tsx';
import type { VlanSource } from './vlan-source.ts';
import type { MapVlan, VlanMap } from './vlan-view.ts';

export type VlanEdit =
  | { readonly is: 'add'; readonly namespace: string }
  | { readonly is: 'numbers' }
  | { readonly is: 'delete' | 'join' | 'dhcp'; readonly vlan: MapVlan };

export interface VlanDialogsProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** Null: nothing was opened yet. */
  edit: VlanEdit | null;
  map: VlanMap;
  source: VlanSource;
  /** An alias, as `namespace//alias`, is there or has another number. */
  onChanged: (name: string) => void;
}

export function VlanDialogs({
  open,
  onOpenChange,
  edit,
  map,
  source,
  onChanged,
}: VlanDialogsProps): ReactElement | null {
  if (edit === null) return null;
  const of = (is: 'delete' | 'join' | 'dhcp'): MapVlan | null =>
    edit.is === is ? (map.byKey.get(edit.vlan.key) ?? edit.vlan) : null;
  const common = { onOpenChange, map };
  const served = of('dhcp');
  return (
    <>
      <AddVlanDialog
        key={edit.is === 'add' ? edit.namespace : ''}
        {...common}
        open={open && edit.is === 'add'}
        namespace={edit.is === 'add' ? edit.namespace : ''}
        onAdded={onChanged}
      />
      <NumbersDialog {...common} open={open && edit.is === 'numbers'} />
      {served === null ? null : (
        <StartDhcpDialog
          key={served.key}
          open={open}
          onOpenChange={onOpenChange}
          vlan={served.vlan}
          name={served.alias === '' ? String(served.vlan) : served.alias}
          namespace={served.namespace}
          vms={source.vmsOn(served)}
        />
      )}
      <DeleteVlanDialog {...common} open={open && edit.is === 'delete'} source={source} vlan={of('delete')} />
      <JoinVlanDialog
        {...common}
        open={open && edit.is === 'join'}
        source={source}
        vlan={of('join')}
        onJoined={onChanged}
      />
    </>
  );
}
