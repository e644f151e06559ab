'use client';
// Passwords that a run needs. They live in this form until it is sent, and on the server in memory until the run ends.
import { useState, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { Button } from '../ui/Button.tsx';
import { Checkbox } from '../ui/Checkbox.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';

export interface SecretsFormProps {
  readonly wanted: Plan['secrets'];
  readonly action: string;
  readonly isBusy: boolean;
  readonly error: string;
  readonly onSubmit: (secrets: Record<string, string>) => void;
}

export function SecretsForm({ wanted, action, isBusy, error, onSubmit }: SecretsFormProps): ReactElement {
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [isShared, setIsShared] = useState(wanted.length > 1);
  const [first] = wanted;
  const shown = isShared && first ? [first] : wanted;
  const isComplete = shown.every(({ name }) => (values[name] ?? '') !== '');
  const label = (secret: Plan['secrets'][number]) =>
    isShared && wanted.length > 1
      ? `Password for ${describeRange(wanted.map(({ node, name }) => node || name))}`
      : secret.label;
  return (
    <form
      autoComplete="off"
      className="flex max-w-120 flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isComplete || isBusy) return;
        const shared = first ? (values[first.name] ?? '') : '';
        onSubmit(Object.fromEntries(wanted.map(({ name }) => [name, isShared ? shared : (values[name] ?? '')])));
        setValues({});
      }}
    >
      {wanted.length > 1 ? (
        <Checkbox checked={isShared} onCheckedChange={setIsShared} label="The same on all of them" />
      ) : null}
      {shown.map((secret, at) => (
        <Field key={secret.name} label={label(secret)} error={at === 0 ? error : ''}>
          <Input
            type="password"
            autoComplete="off"
            value={values[secret.name] ?? ''}
            onChange={(event) => {
              setValues({ ...values, [secret.name]: event.target.value });
            }}
          />
        </Field>
      ))}
      <div>
        <Button variant="primary" type="submit" isBusy={isBusy} disabledReason={isComplete ? '' : 'Type it first.'}>
          {action}
        </Button>
      </div>
    </form>
  );
}
