// A VLAN that the launch makes, or joins by its number: its name, its number, and what is wrong with them.
import { Plus } from 'lucide-react';
import { useState, type KeyboardEvent, type ReactElement } from 'react';
import { Button } from '../ui/Button.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import type { FieldsProps } from '../wizard/wizard-fields.ts';
import type { ClusterRows, LanChoice } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';
import { findNewLanIssue } from './new-lan.ts';

interface NewLanFieldsProps {
  readonly fields: FieldsProps<LaunchValues>;
  readonly rows: ClusterRows;
  readonly lans: readonly LanChoice[];
}

export function NewLanFields({ fields: { form, set, issue }, rows, lans }: NewLanFieldsProps): ReactElement {
  const [vlan, setVlan] = useState('');
  const alias = form.newLan.trim();
  const found = findNewLanIssue({ alias, vlan: vlan.trim() }, { rows, lans, chosen: form });
  const add = (): void => {
    if (alias === '' || found !== null) return;
    set('networks', [...form.networks, alias]);
    set('vlans', { ...form.vlans, [alias]: vlan.trim() });
    set('newLan', '');
    setVlan('');
  };
  const onEnter = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || alias === '') return;
    event.preventDefault();
    add();
  };
  return (
    <section aria-label="A new VLAN" className="flex flex-col gap-2">
      <h3 className="text-sm font-medium text-fg-2">A new VLAN</h3>
      <div className="grid items-start gap-2 sm:grid-cols-[minmax(0,1fr)_9rem_auto]">
        <Field
          label="Name, or the number of a VLAN"
          name="newLan"
          error={found?.field === 'alias' ? found.message : issue('newLan')}
          hint="Such as lan. A number alone joins that VLAN as it is."
        >
          <Input
            isMono
            placeholder="lan"
            value={form.newLan}
            onKeyDown={onEnter}
            onChange={(event) => set('newLan', event.target.value)}
          />
        </Field>
        <Field label="Number" error={found?.field === 'vlan' ? found.message : ''} hint="Empty: any that is free.">
          <Input
            isMono
            inputMode="numeric"
            placeholder="any"
            value={vlan}
            onKeyDown={onEnter}
            onChange={(event) => setVlan(event.target.value)}
          />
        </Field>
        <Button
          className="sm:mt-6"
          icon={<Plus aria-hidden="true" className="size-4" />}
          disabledReason={alias === '' ? 'Give it a name first.' : (found?.message ?? '')}
          onClick={add}
        >
          Add
        </Button>
      </div>
    </section>
  );
}
