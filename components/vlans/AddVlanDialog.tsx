'use client';
// A new alias: its name, and a number where it has to be a certain one. What the page knows is checked while one types; meshd decides.
import { useState } from 'react';
import type { ReactElement } from 'react';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { defaultNamespace } from '../../core/namespaces.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Checkbox } from '../ui/Checkbox.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { useToast } from '../ui/Toast.tsx';
import { textOf } from './LineAnswers.tsx';
import { LineDialog } from './LineDialog.tsx';
import { checkAlias, checkNamespace, checkNumber, freeNumber, rangeOf } from './new-vlan.ts';
import { useLines } from './use-lines.ts';
import { addLine } from './vlan-commands.ts';
import type { VlanMap } from './vlan-view.ts';

export interface AddVlanDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  map: VlanMap;
  /** To begin with. */
  namespace: string;
  /** Called with `namespace//alias`. */
  onAdded: (name: string) => void;
}

export function AddVlanDialog(props: AddVlanDialogProps): ReactElement {
  const asCommand = useShellCommand();
  const { open, onOpenChange, map, onAdded } = props;
  const [namespace, setNamespace] = useState(props.namespace);
  const [alias, setAlias] = useState('');
  const [number, setNumber] = useState('');
  const [force, setForce] = useState(false);
  const lines = useLines(map.cluster);
  const showToast = useToast();
  const refusal = useRefusal('operator');
  const forcing = useRefusal('admin');

  const own = namespace.trim() === '' ? defaultNamespace : namespace.trim();
  const ofNamespace = checkNamespace(namespace.trim(), map);
  const ofAlias = checkAlias(alias.trim(), own, map);
  const ofNumber = checkNumber(number.trim(), own, map);
  const free = freeNumber(own, map);
  const range = rangeOf(own, map);
  // The node that decides on the number is away: its answer says how to continue.
  const isForceOffered = lines.answers.some(({ entries }) => entries.some((entry) => entry.Error.includes('`force`')));
  const vlan = number.trim() === '' ? null : Number(number.trim());
  const line = addLine({ namespace: own, alias: alias.trim(), vlan, force: force && isForceOffered });
  const wrong = ofNamespace.error + ofAlias.error + ofNumber.error;
  const blocked = refusal !== '' ? refusal : alias.trim() === '' ? 'Type an alias first.' : wrong === '' ? '' : wrong;

  const close = (): void => {
    lines.clear();
    setAlias('');
    setNumber('');
    setForce(false);
    onOpenChange(false);
  };
  const add = async (): Promise<void> => {
    const answers = await lines.run([line]);
    if (answers === null) return;
    const said = answers.flatMap(({ entries }) => entries.map(textOf)).filter((text) => text !== '');
    const title = vlan === null ? `${alias.trim()} is added` : `${alias.trim()} is VLAN ${vlan}`;
    showToast({ title, ...(said.length === 0 ? {} : { description: said.join('\n') }) });
    onAdded(`${own}//${alias.trim()}`);
    close();
  };
  const edit = (put: (text: string) => void) => (text: string) => {
    put(text);
    lines.clear();
    setForce(false);
  };

  return (
    <LineDialog
      open={open}
      onOpen={() => onOpenChange(true)}
      onClose={close}
      title="Add a VLAN"
      description="An alias names a VLAN of a namespace. It has the same number on every node."
      size="sm"
      action="Add"
      blocked={blocked}
      lines={lines}
      run={add}
    >
      <Field label="Alias" error={ofAlias.error}>
        <Input
          isMono
          autoComplete="off"
          placeholder="lan"
          value={alias}
          onChange={(event) => edit(setAlias)(event.target.value)}
        />
      </Field>
      <Field label="Namespace" error={ofNamespace.error} hint={ofNamespace.note}>
        <Input
          isMono
          autoComplete="off"
          list="vlan-namespaces"
          placeholder={defaultNamespace}
          value={namespace}
          onChange={(event) => edit(setNamespace)(event.target.value)}
        />
      </Field>
      <datalist id="vlan-namespaces">
        {map.namespaces.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <Field
        label="Number (optional)"
        error={ofNumber.error}
        hint={ofNumber.note === '' ? describeFree(range, free) : ofNumber.note}
      >
        <Input
          isMono
          inputMode="numeric"
          autoComplete="off"
          placeholder="any that is free"
          value={number}
          onChange={(event) => edit(setNumber)(event.target.value)}
        />
      </Field>
      {isForceOffered ? (
        <Checkbox
          checked={force}
          onCheckedChange={setForce}
          disabled={forcing !== ''}
          label="Take the number without asking"
          hint={forcing === '' ? 'Two aliases may get one number by it: their VMs would share a network.' : forcing}
        />
      ) : null}
      {alias.trim() === '' || wrong !== '' ? null : <CommandLine command={asCommand(line)} label="Copy as command" />}
    </LineDialog>
  );
}

function describeFree(range: readonly [number, number] | null, free: number | null): string {
  if (range === null) return 'Without one, meshd gives a free number.';
  const [first, last] = range;
  return free === null
    ? `All numbers from ${first} to ${last} are taken.`
    : `Without one, meshd gives a free number from ${first} to ${last}. ${free} is free.`;
}
