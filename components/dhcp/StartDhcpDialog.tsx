'use client';
// Starts DHCP on a VLAN: on which node, which addresses, and what it tells guests. The same rules as the command's, at each field.
import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { FleetVm } from '../../contract/fleet.ts';
import { dhcpDefaults, findDhcpIssues, suggestDhcp, type DhcpField, type DhcpWords } from '../../core/dhcp/settings.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { useCluster } from '../frame/use-cluster.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Select } from '../ui/Select.tsx';
import { useToast } from '../ui/Toast.tsx';
import { textOf } from '../vlans/LineAnswers.tsx';
import { LineDialog } from '../vlans/LineDialog.tsx';
import { useLines } from '../vlans/use-lines.ts';
import { serveLine } from './dhcp-view.ts';
import { useServersOn } from './use-dhcp.ts';

export interface StartDhcpProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** 0: it is not there yet. */
  vlan: number;
  /** As a command names the VLAN: an alias, or a number. */
  name: string;
  namespace: string;
  /** VMs on it: a node with some stands first. */
  vms: readonly FleetVm[];
}

const fields: readonly { field: DhcpField; label: string; hint: string; placeholder?: string }[] = [
  { field: 'address', label: 'Address of the server', hint: 'With the prefix length of the network.' },
  { field: 'low', label: 'First address for guests', hint: '' },
  { field: 'high', label: 'Last address for guests', hint: '' },
  { field: 'gateway', label: 'Gateway (optional)', hint: 'The router that it names to guests.', placeholder: 'none' },
  {
    field: 'dns',
    label: 'DNS (optional)',
    hint: 'Without one, the server itself, which knows the guests’ names.',
    placeholder: 'the server',
  },
  { field: 'lease', label: 'A lease lasts', hint: 'Such as 10m, 1h or 7d.' },
];

export function StartDhcpDialog({ open, onOpenChange, vlan, name, namespace, vms }: StartDhcpProps): ReactElement {
  const asCommand = useShellCommand();
  const cluster = useCluster();
  const id = cluster?.Id ?? '';
  const nodes = useFleetPart(({ view }) => view.nodes);
  const hosts = useMemo(
    () =>
      nodesFor(
        [...nodes.values()].filter(({ Cluster }) => Cluster === id),
        vms,
      ),
    [nodes, id, vms],
  );
  const [chosen, setChosen] = useState('');
  const [words, setWords] = useState<DhcpWords>({ ...suggestDhcp(), ...dhcpDefaults });
  const others = [...new Set(useServersOn(vlan, vms).map((server) => server.node))];
  const lines = useLines(id);
  const showToast = useToast();
  const refusal = useRefusal('operator');
  const node = hosts.some((each) => each.name === chosen) ? chosen : (hosts[0]?.name ?? '');
  const issues = findDhcpIssues(words);
  const [first] = Object.values(issues);
  const blocked = refusal !== '' ? refusal : node === '' ? 'No node is in the mesh.' : (first ?? '');
  const line = serveLine({ node, attached: cluster?.AttachedTo ?? '', namespace }, name, words);

  const close = (): void => {
    lines.clear();
    onOpenChange(false);
  };
  const start = async (): Promise<void> => {
    const answers = await lines.run([line]);
    if (answers === null) return;
    const said = answers.flatMap(({ entries }) => entries.map(textOf)).filter((text) => text !== '');
    showToast({
      title: `${node} serves DHCP on ${name}`,
      ...(said.length === 0 ? {} : { description: said.join('\n') }),
    });
    close();
  };
  return (
    <LineDialog
      open={open}
      onOpen={() => onOpenChange(true)}
      onClose={close}
      title={`DHCP on ${name}`}
      description="dnsmasq on one node gives addresses and names to the guests on this VLAN, and to nobody else. Guests reach nothing of the node by it."
      action="Start"
      blocked={blocked}
      lines={lines}
      run={start}
    >
      {others.length === 0 ? null : (
        <Notice state="warn" title="It has a DHCP server already">
          {others.join(', ')} {others.length === 1 ? 'serves' : 'serve'} this VLAN. Guests take the answer that comes
          first.
        </Notice>
      )}
      <Field label="Node" hint="Where dnsmasq runs. Guests on all nodes reach it.">
        <Select
          isMono
          value={node}
          onValueChange={setChosen}
          options={hosts.map((host) => ({
            value: host.name,
            label: host.name,
            hint: host.vms === 0 ? 'no VM on it' : `${host.vms} of its VMs`,
          }))}
        />
      </Field>
      <div className="grid items-start gap-3 sm:grid-cols-2">
        {fields.map(({ field, label, hint, placeholder = '' }) => (
          <Field key={field} label={label} error={issues[field] ?? ''} hint={hint}>
            <Input
              isMono
              autoComplete="off"
              placeholder={placeholder}
              value={words[field]}
              onChange={(event) => {
                lines.clear();
                setWords({ ...words, [field]: event.target.value.trimStart() });
              }}
            />
          </Field>
        ))}
      </div>
      {blocked === '' ? <CommandLine command={asCommand(line)} label="Copy as command" /> : null}
    </LineDialog>
  );
}

/** Members of the mesh, those with most VMs on it first. */
function nodesFor(
  nodes: readonly { readonly Id: string; readonly Name: string; readonly State: string }[],
  vms: readonly FleetVm[],
): readonly { readonly name: string; readonly vms: number }[] {
  return nodes
    .filter(({ State }) => State === 'member')
    .map(({ Id, Name }) => ({ name: Name, vms: vms.filter(({ Node }) => Node === Id).length }))
    .sort((a, b) => b.vms - a.vms || compareNames(a.name, b.name));
}
