'use client';
// The experiment that the VMs belong to: one that is there, or a new name.
import { useMemo, type ReactElement } from 'react';
import { defaultNamespace } from '../../core/namespaces.ts';
import { compareNames } from '../../core/ranges/natural-order.ts';
import { countOf } from '../../lib/format.ts';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { textInput } from '../wizard/form-values.ts';
import type { PageProps } from '../wizard/wizard.ts';
import { Choices } from './Choices.tsx';
import type { ClusterRows } from './cluster-facts.ts';
import type { LaunchValues } from './launch-values.ts';

/** More are typed: a browser offers them as one types. */
const shown = 8;

/** One press names it, in a cluster without namespaces. */
const usualNamespace = 'lab';

export interface NamespaceFieldProps {
  readonly page: PageProps<LaunchValues>;
  readonly rows: Pick<ClusterRows, 'cluster' | 'namespaces'>;
}

export function NamespaceField({ page, rows: { cluster, namespaces } }: NamespaceFieldProps): ReactElement {
  const { form, set, issue } = page;
  const known = useMemo(
    () =>
      [...namespaces.values()]
        .filter((row) => row.Cluster === cluster && row.Name !== defaultNamespace)
        .sort((a, b) => compareNames(a.Name, b.Name)),
    [cluster, namespaces],
  );
  const typed = form.namespace.trim();
  const chosen = known.find(({ Name }) => Name === typed);
  const hint =
    typed === ''
      ? 'An experiment with its own VMs, VLAN names and hosts. A new name makes one.'
      : chosen
        ? `It has ${countOf(chosen.Vms ?? 0, 'VM')}.`
        : `${typed} is new: the run makes it.`;
  return (
    <>
      <Field label="Namespace" name="namespace" error={issue('namespace')} hint={hint}>
        <Input isMono placeholder={usualNamespace} list="launch-namespaces" {...textInput(page, 'namespace')} />
      </Field>
      <datalist id="launch-namespaces">
        {known.map(({ Name }) => (
          <option key={Name} value={Name} />
        ))}
      </datalist>
      <Choices
        label="Namespaces"
        values={known.length === 0 ? [usualNamespace] : known.slice(0, shown).map(({ Name }) => Name)}
        chosen={typed}
        onChoose={(name) => {
          set('namespace', name);
        }}
      />
    </>
  );
}
