'use client';
// Passwords that the plan wants and nobody typed yet: one field for all nodes that take the same.
import type { ReactElement } from 'react';
import { Field } from '../ui/Field.tsx';
import { Panel } from '../ui/Panel.tsx';
import { PasswordInput } from '../ui/PasswordInput.tsx';
import type { WantedSecret } from './plan-secrets.ts';
import type { SecretValues } from './wizard-state.ts';

export interface SecretFieldsProps {
  readonly wanted: readonly WantedSecret[];
  readonly values: SecretValues;
  readonly onChange: (name: string, value: string) => void;
}

export function SecretFields({ wanted, values, onChange }: SecretFieldsProps): ReactElement | null {
  if (wanted.length === 0) return null;
  return (
    <Panel title="Passwords">
      <div className="flex max-w-120 flex-col gap-3">
        {wanted.map(({ name, label }) => (
          <Field key={name} label={label} hint="In memory only, until the run ends.">
            <PasswordInput
              value={values[name] ?? ''}
              onValueChange={(value) => {
                onChange(name, value);
              }}
            />
          </Field>
        ))}
      </div>
    </Panel>
  );
}
