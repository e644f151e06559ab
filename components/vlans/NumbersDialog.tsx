'use client';
// Which numbers aliases get: the range of each namespace, and numbers that are kept free.
import { X } from 'lucide-react';
import { useState } from 'react';
import type { ReactElement } from 'react';
import { defaultNamespace } from '../../core/namespaces.ts';
import { useShellCommand } from '../fleet/use-shell-command.ts';
import { countOf } from '../../lib/format.ts';
import { useRefusal } from '../frame/use-session.tsx';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { IconButton } from '../ui/IconButton.tsx';
import { Input } from '../ui/Input.tsx';
import { Select } from '../ui/Select.tsx';
import { LineAnswers } from './LineAnswers.tsx';
import { checkKept, checkRange, rangeOf } from './new-vlan.ts';
import { useLines } from './use-lines.ts';
import { blacklistLine, deleteLine, rangeLine } from './vlan-commands.ts';
import type { VlanMap } from './vlan-view.ts';

export interface NumbersDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  map: VlanMap;
}

export function NumbersDialog({ open, onOpenChange, map }: NumbersDialogProps): ReactElement {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title="Numbers of VLANs"
      description="Which numbers new aliases get. Numbers that are given stay as they are."
      footer={<Button onClick={() => onOpenChange(false)}>Close</Button>}
    >
      <div className="flex flex-col gap-6">
        <Ranges map={map} />
        <KeptNumbers map={map} />
      </div>
    </Dialog>
  );
}

function Ranges({ map }: { map: VlanMap }): ReactElement {
  const asCommand = useShellCommand();
  const [namespace, setNamespace] = useState(defaultNamespace);
  const [typed, setTyped] = useState({ first: '', last: '' });
  const lines = useLines(map.cluster);
  const refusal = useRefusal('operator');
  const names = [...new Set([defaultNamespace, ...map.namespaces.map(({ name }) => name)])];
  const checks = checkRange({ first: typed.first.trim(), last: typed.last.trim() }, namespace, map);
  const isComplete = typed.first.trim() !== '' && typed.last.trim() !== '';
  const wrong = checks.first.error + checks.last.error;
  const line = rangeLine(namespace, Number(typed.first), Number(typed.last));
  const blocked = refusal !== '' ? refusal : isComplete ? wrong : 'Type the first and the last number.';
  const set = async (): Promise<void> => {
    if ((await lines.run([line])) !== null) setTyped({ first: '', last: '' });
  };
  const edit = (change: Partial<typeof typed>): void => {
    setTyped({ ...typed, ...change });
    lines.clear();
  };
  return (
    <section className="flex flex-col gap-3">
      <h3 className="text-base font-semibold">Ranges</h3>
      <div className="scroller">
        <table className="w-full text-sm">
          <thead>
            <tr className="text-left text-xs text-fg-3">
              <th scope="col" className="py-1 pr-4 font-medium">
                Namespace
              </th>
              <th scope="col" className="py-1 pr-4 font-medium">
                Numbers
              </th>
              <th scope="col" className="py-1 text-right font-medium">
                Aliases
              </th>
            </tr>
          </thead>
          <tbody>
            {names.map((name) => {
              const own = map.namespaces.find((known) => known.name === name)?.range ?? null;
              const range = rangeOf(name, map);
              return (
                <tr key={name} className="border-t">
                  <td className="py-1 pr-4 font-mono">{name}</td>
                  <td className="py-1 pr-4 numbers">
                    {range === null ? '–' : `${range[0]} to ${range[1]}`}
                    {own === null ? <span className="text-fg-3"> as {defaultNamespace}</span> : null}
                  </td>
                  <td className="py-1 text-right numbers">
                    {map.vlans.filter((vlan) => vlan.namespace === name).length}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (blocked === '' && !lines.isBusy) void set();
        }}
      >
        <div className="grid grid-cols-[minmax(0,2fr)_minmax(0,1fr)_minmax(0,1fr)] items-start gap-3 max-sm:grid-cols-2 max-sm:[&>:first-child]:col-span-2">
          <Field label="Namespace" hint={namespace === defaultNamespace ? 'Also of those without a range.' : undefined}>
            <Select
              isMono
              value={namespace}
              onValueChange={(next) => {
                setNamespace(next);
                lines.clear();
              }}
              options={names.map((name) => ({ value: name, label: name }))}
            />
          </Field>
          <Field label="First" error={checks.first.error}>
            <Input
              isMono
              inputMode="numeric"
              autoComplete="off"
              value={typed.first}
              onChange={(event) => edit({ first: event.target.value })}
            />
          </Field>
          <Field label="Last">
            <Input
              isMono
              inputMode="numeric"
              autoComplete="off"
              value={typed.last}
              onChange={(event) => edit({ last: event.target.value })}
            />
          </Field>
        </div>
        {checks.last.error === '' ? null : <p className="text-sm text-bad">{checks.last.error}</p>}
        {checks.last.note === '' ? null : <p className="text-sm text-fg-3">{checks.last.note}</p>}
        {isComplete && wrong === '' ? <CommandLine command={asCommand(line)} label="Copy as command" /> : null}
        <Button className="self-start" type="submit" isBusy={lines.isBusy} disabledReason={blocked}>
          Set the range
        </Button>
        <LineAnswers answers={lines.answers} />
      </form>
    </section>
  );
}

function KeptNumbers({ map }: { map: VlanMap }): ReactElement {
  const asCommand = useShellCommand();
  const [number, setNumber] = useState('');
  const lines = useLines(map.cluster);
  const refusal = useRefusal('operator');
  const kept = map.vlans.filter(({ alias, isListed }) => alias === '' && isListed);
  const check = checkKept(number.trim(), map);
  const blocked = refusal !== '' ? refusal : number.trim() === '' ? 'Type a number first.' : check.error;
  const line = blacklistLine(Number(number), false);
  const keep = async (): Promise<void> => {
    if ((await lines.run([line])) !== null) setNumber('');
  };
  return (
    <section className="flex flex-col gap-3">
      <h3 className="text-base font-semibold">Numbers that no alias gets</h3>
      {kept.length === 0 ? (
        <p className="text-sm text-fg-3">None. Keep those free that your switches use for something else.</p>
      ) : (
        <ul className="flex flex-wrap gap-1.5">
          {kept.map((vlan) => {
            const users = vlan.sum.total === 0 ? '' : `${countOf(vlan.sum.total, 'VM')} use it.`;
            return (
              <li key={vlan.key} className="flex h-8 items-center rounded-md border pl-2 font-mono text-sm max-md:h-11">
                {vlan.vlan}
                <IconButton
                  label={`Give ${vlan.vlan} back to the aliases`}
                  icon={<X />}
                  className="size-7"
                  disabledReason={refusal === '' ? users : refusal}
                  onClick={() => void lines.run([deleteLine(vlan)])}
                />
              </li>
            );
          })}
        </ul>
      )}
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (blocked === '' && !lines.isBusy) void keep();
        }}
      >
        <Field label="Number" error={check.error} className="max-w-60">
          <Input
            isMono
            inputMode="numeric"
            autoComplete="off"
            value={number}
            onChange={(event) => {
              setNumber(event.target.value);
              lines.clear();
            }}
          />
        </Field>
        {number.trim() === '' || check.error !== '' ? null : (
          <CommandLine command={asCommand(line)} label="Copy as command" />
        )}
        <Button className="self-start" type="submit" isBusy={lines.isBusy} disabledReason={blocked}>
          Keep it free
        </Button>
        <LineAnswers answers={lines.answers} />
      </form>
    </section>
  );
}
