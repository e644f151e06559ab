'use client';
// What an action needs beside its VMs: a tag, a NIC and a VLAN, or where a save goes.
import { useId, useMemo, useState, type ReactElement } from 'react';
import { fleetKeys } from '../../contract/fleet-keys.ts';
import { rowsOf } from '../../core/fleet-view.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { parseVlanOrAlias } from '../../core/vlans/names.ts';
import { describeVlan } from '../../core/vms/vlan-words.ts';
import { countOf } from '../../lib/format.ts';
import { useFleetPart } from '../../lib/use-console.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { commandText } from './command-text.ts';
import type { VmActing } from './use-vm-actions.ts';
import { describeTargets, verbLooks } from './verbs.tsx';
import { fitFor, type VmWish } from './vm-commands.ts';
import type { VmLine } from './vm-line.ts';

type FormVerb = 'save' | 'tag' | 'net connect' | 'net disconnect';

export interface WishDialogProps {
  readonly verb: FormVerb;
  readonly acting: VmActing;
  readonly vms: readonly VmLine[];
  readonly onClose: () => void;
}

export function WishDialog({ verb, acting, vms, onClose }: WishDialogProps): ReactElement {
  const asCommand = useShellCommand();
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const [nic, setNic] = useState('0');
  const [vlan, setVlan] = useState('');
  const [folder, setFolder] = useState('');
  const form = useId();
  const wish = wishOf(verb, { key: key.trim(), value, nic: Number(nic), vlan: vlan.trim(), folder: folder.trim() });
  const fit = fitFor(verb, vms, verb === 'tag' || verb === 'save' ? null : Number(nic));
  const vlanIssue = vlan === '' ? '' : issueOfVlan(vlan.trim(), vms);
  const missing =
    fit.reason !== ''
      ? fit.reason
      : verb === 'tag' && key.trim() === ''
        ? 'Type a key first.'
        : verb === 'net connect' && vlan.trim() === ''
          ? 'Name a VLAN first.'
          : verb === 'save'
            ? issueOfFolder(folder.trim())
            : vlanIssue;
  const { label } = verbLooks[verb];
  const act = (): void => {
    if (missing !== '') return;
    acting.start(wish, fit.vms);
    onClose();
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => (open ? undefined : onClose())}
      size="sm"
      title={`${label} ${vms.length === 1 ? (vms[0]?.vm.Name ?? '') : countOf(vms.length, 'VM')}`}
      description={fit.rest === '' ? describeTargets(vms) : `${describeTargets(vms)}; ${fit.rest}`}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} disabledReason={missing}>
            {label} {fit.vms.length === vms.length ? '' : fit.vms.length}
          </Button>
        </>
      }
    >
      <form
        id={form}
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          act();
        }}
      >
        {verb === 'tag' ? (
          <>
            <Field label="Key" hint="A tag of this key gets the new value.">
              <Input isMono autoComplete="off" value={key} onChange={(event) => setKey(event.target.value)} />
            </Field>
            <Field label="Value">
              <Input isMono autoComplete="off" value={value} onChange={(event) => setValue(event.target.value)} />
            </Field>
          </>
        ) : verb === 'save' ? (
          <Field
            label="Folder"
            hint="Below `saved` on the node of each VM; empty for none. Earlier saves of the same name are replaced."
            error={issueOfFolder(folder.trim())}
          >
            <Input isMono autoComplete="off" value={folder} onChange={(event) => setFolder(event.target.value)} />
          </Field>
        ) : (
          <Field label="NIC" hint="The first one is 0.">
            <Select isMono value={nic} onValueChange={setNic} options={nicOptions(vms)} />
          </Field>
        )}
        {verb === 'save' ? (
          <p className="text-sm text-fg-2">
            Writes memory and disks. They stand still meanwhile and afterwards: Start runs them on. A launch with{' '}
            <code className="font-mono">vm config state</code> continues from the files.
          </p>
        ) : null}
        {verb === 'net connect' ? <VlanField vms={vms} value={vlan} onChange={setVlan} error={vlanIssue} /> : null}
        {missing === '' ? <CommandLine command={commandText(acting.commandsFor(wish, fit.vms), asCommand)} /> : null}
      </form>
    </Dialog>
  );
}

interface WishParts {
  readonly key: string;
  readonly value: string;
  readonly nic: number;
  readonly vlan: string;
  readonly folder: string;
}

function wishOf(verb: FormVerb, { key, value, nic, vlan, folder }: WishParts): VmWish {
  switch (verb) {
    case 'save':
      return { verb, folder };
    case 'tag':
      return { verb, key, value };
    case 'net connect':
      return { verb, nic, vlan };
    case 'net disconnect':
      return { verb, nic };
  }
}

function nicOptions(vms: readonly VmLine[]): { value: string; label: string }[] {
  const most = vms.reduce((max, { nics }) => Math.max(max, nics.length), 1);
  const only = vms.length === 1 ? vms[0] : undefined;
  return Array.from({ length: most }, (_, index) => {
    const nic = only?.nics[index];
    return { value: String(index), label: nic === undefined ? String(index) : `${index}: ${describeVlan(nic)}` };
  });
}

/** The node checks it again: this keeps what it takes from this page. */
function issueOfFolder(folder: string): string {
  const isName = folder.split('/').every((part) => /^[\w.-]{1,100}$/.test(part) && !/^\.+$/.test(part));
  return folder === '' || isName
    ? ''
    : 'A folder is letters, digits, dots, hyphens and underscores, with slashes between.';
}

function issueOfVlan(vlan: string, vms: readonly VmLine[]): string {
  const parsed = parseVlanOrAlias(vlan, vms[0]?.vm.Namespace ?? '');
  return parsed.ok ? '' : parsed.message;
}

const shownAliases = 200;

/** With the aliases that the namespaces of these VMs have. */
function VlanField(props: {
  vms: readonly VmLine[];
  value: string;
  onChange: (vlan: string) => void;
  error: string;
}): ReactElement {
  const { vms, value, onChange, error } = props;
  const id = useId();
  const rows = useFleetPart(({ view }) => rowsOf(view, fleetKeys.vlans));
  const namespaces = useMemo(() => new Set(vms.map(({ vm }) => vm.Namespace)), [vms]);
  const cluster = vms[0]?.vm.Cluster ?? '';
  const aliases = useMemo(() => {
    const own = [...rows.values()].filter(
      (row) => row.Cluster === cluster && row.Alias !== '' && namespaces.has(row.Namespace),
    );
    return own.sort((a, b) => compareNames(a.Alias, b.Alias)).slice(0, shownAliases);
  }, [rows, cluster, namespaces]);
  const hint =
    namespaces.size > 1
      ? `A name or a number. The VMs are of ${namespaces.size} namespaces: each has its own VLAN of that name.`
      : 'A name or a number. A new name gets a free number.';
  return (
    <Field label="VLAN" hint={hint} error={error}>
      <Input isMono autoComplete="off" list={id} value={value} onChange={(event) => onChange(event.target.value)} />
      <datalist id={id}>
        {aliases.map((row) => (
          <option key={`${row.Namespace} ${row.Alias} ${row.Vlan}`} value={row.Alias}>
            {row.Vlan}
          </option>
        ))}
      </datalist>
    </Field>
  );
}
