'use client';
// The third step: how many VMs, under which names, and which nodes run them.
import type { ReactElement } from 'react';
import type { PlaceRule } from '../../core/plans/vms/rules.ts';
import { Checkbox } from '../ui/Checkbox.tsx';
import { cx } from '../ui/cx.ts';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { textInput } from '../wizard/form-values.ts';
import { TextField } from '../wizard/TextField.tsx';
import type { PageProps } from '../wizard/wizard.ts';
import { previewNames } from './count-names.ts';
import type { LaunchValues } from './launch-values.ts';
import { NodeChoice } from './NodeChoice.tsx';
import { useClusterRows } from './use-cluster-rows.ts';
import { usePlacement } from './use-placement.ts';

const rules: readonly { value: PlaceRule; label: string; hint: string }[] = [
  { value: 'spread', label: 'Spread', hint: 'Each to the node that is least loaded' },
  { value: 'fill', label: 'Fill', hint: 'One node until it is full, then the next' },
  { value: 'one-each', label: 'One on each', hint: 'At most one of them on a node' },
];

export function PlacesPage(page: PageProps<LaunchValues>): ReactElement {
  const { form, set, issue } = page;
  const rows = useClusterRows();
  const placement = usePlacement(form, rows);
  const preview = previewNames(form.names);
  const taken =
    placement.taken === '' ? '' : `${placement.taken} ${/[[,]/.test(placement.taken) ? 'are' : 'is'} there already`;
  return (
    <>
      <Field
        label="Names"
        name="names"
        error={issue('names') || taken}
        hint={preview === '' ? 'A range, such as web[1-16], or how many.' : preview}
      >
        <Input isMono placeholder="web[1-16]" {...textInput(page, 'names')} />
      </Field>
      <fieldset className="flex flex-col gap-1">
        <legend className="mb-1 text-sm font-medium text-fg-2">Where they go</legend>
        <div role="radiogroup" aria-label="Where they go" className="grid gap-2 sm:grid-cols-3">
          {rules.map(({ value, label, hint }) => (
            <button
              key={value}
              type="button"
              role="radio"
              aria-checked={form.place === value}
              onClick={() => {
                set('place', value);
              }}
              className={cx(
                'flex flex-col rounded-md border px-3 py-2 text-left transition-colors',
                form.place === value
                  ? 'border-accent bg-accent-soft'
                  : 'border-line-strong bg-surface-1 hover:bg-surface-2',
              )}
            >
              <span className="font-medium">{label}</span>
              <span className="text-sm text-fg-2">{hint}</span>
            </button>
          ))}
        </div>
      </fieldset>
      <Field
        label="Nodes"
        name="nodes"
        error={issue('nodes')}
        hint={
          form.nodes.trim() === ''
            ? 'Empty: the hosts of the namespace; of a new one, all nodes but the one that the console is attached to.'
            : 'Only these. The run makes them hosts of the namespace.'
        }
      >
        <Input isMono placeholder="the hosts of the namespace" {...textInput(page, 'nodes')} />
      </Field>
      <NodeChoice
        placement={placement}
        onChange={(nodes) => {
          set('nodes', nodes);
        }}
      />
      {(placement.placed?.issue ?? '') === '' ? null : (
        <Notice state="warn" role="status" title="They do not fit">
          {placement.placed?.issue}
        </Notice>
      )}
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <TextField
          page={page}
          name="atOnce"
          label="Nodes at once"
          inputMode="numeric"
          hint="First one alone, then 1, 2, 4 … up to this many."
        />
        <div className="flex flex-col gap-3 sm:pt-6">
          <Checkbox
            checked={!form.paused}
            onCheckedChange={(starts) => {
              set('paused', !starts);
            }}
            label="Start them"
            hint="Otherwise they stay as they are launched, paused."
          />
          <Checkbox
            checked={form.keepGoing}
            onCheckedChange={(goesOn) => {
              set('keepGoing', goesOn);
            }}
            label="Continue when a node fails"
            hint="Otherwise the first failure stops the rest."
          />
        </div>
      </div>
    </>
  );
}
