'use client';
// Before a VLAN is deleted: which VMs lose their network by it, and its name to type when there are any.
import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { countOf } from '../../lib/format.ts';
import { stopLine } from '../dhcp/dhcp-view.ts';
import { useServersOn } from '../dhcp/use-dhcp.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { useToast } from '../ui/Toast.tsx';
import { LineDialog } from './LineDialog.tsx';
import { useLines } from './use-lines.ts';
import { holdersOf, planDeletion } from './vlan-deletion.ts';
import { nameVms } from './vlan-fixes.ts';
import type { VlanSource } from './vlan-source.ts';
import type { MapVlan, VlanMap } from './vlan-view.ts';
import { shortName, titleOf } from './vlan-words.ts';

const noVms: readonly FleetVm[] = [];

export interface DeleteVlanDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  map: VlanMap;
  source: VlanSource;
  /** Null while it is closed. */
  vlan: MapVlan | null;
}

export function DeleteVlanDialog({
  open,
  onOpenChange,
  map,
  source,
  vlan,
}: DeleteVlanDialogProps): ReactElement | null {
  const asCommand = useShellCommand();
  const [typed, setTyped] = useState('');
  const lines = useLines(map.cluster);
  const attached = useCluster()?.AttachedTo ?? '';
  const showToast = useToast();
  const refusal = useRefusal('operator');
  const plan = useMemo(
    () => (vlan === null ? null : planDeletion(vlan, { map, holders: holdersOf(vlan, map, source), attached })),
    [vlan, map, source, attached],
  );
  const servers = useServersOn(vlan?.vlan ?? 0, noVms);
  if (vlan === null || plan === null) return null;
  const { vms, stuck } = plan;
  // A VLAN that a DHCP server uses stays: it goes first.
  const stops = servers.map(({ server, node }) => stopLine({ node, attached, namespace: server.Namespace }, server.Id));
  const commands = [...stops, ...plan.commands];
  const name = vlan.alias === '' ? String(vlan.vlan) : vlan.alias;
  const needsName = vms.length > 0;
  const blocked =
    refusal !== ''
      ? refusal
      : stuck.length > 0
        ? `${nameVms(stuck)} cannot be taken off it now.`
        : needsName && typed !== name
          ? `Type ${name} first.`
          : '';
  const close = (): void => {
    setTyped('');
    lines.clear();
    onOpenChange(false);
  };
  const remove = async (): Promise<void> => {
    if ((await lines.run(commands)) === null) return;
    showToast({ title: `${shortName(vlan)} is deleted` });
    close();
  };
  return (
    <LineDialog
      open={open}
      onOpen={() => onOpenChange(true)}
      onClose={close}
      title={`Delete ${titleOf(vlan)}`}
      size="sm"
      action="Delete"
      variant="danger"
      blocked={blocked}
      lines={lines}
      run={remove}
    >
      <ul className="list-disc space-y-1 pl-5 text-fg-2">
        {plan.consequences.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
      {stuck.length === 0 ? null : (
        <Notice state="warn" title={`${countOf(stuck.length, 'VM')} must be flushed or come back first`}>
          {nameVms(stuck)}: a VM that has quit keeps its VLAN for its next start, and one that is lost cannot be asked.
        </Notice>
      )}
      {needsName && stuck.length === 0 ? (
        <Field label={`Type ${name} to confirm`}>
          <Input isMono autoComplete="off" value={typed} onChange={(event) => setTyped(event.target.value)} />
        </Field>
      ) : null}
      {stuck.length > 0 ? null : <CommandLine command={commands.map(asCommand).join('\n')} label="Copy as command" />}
    </LineDialog>
  );
}
