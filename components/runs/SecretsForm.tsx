'use client';
// Passwords and keys that a run needs. They live in this form until it is sent, and on the server in memory until the run ends.
import { useState, type ReactElement } from 'react';
import type { Plan } from '../../contract/plans.ts';
import { forAllNodes, isKeyName, passphraseName, userOf } from '../../core/plans/secret-names.ts';
import { describeRange } from '../../core/ranges/describe-range.ts';
import { Button } from '../ui/Button.tsx';
import { Checkbox } from '../ui/Checkbox.tsx';
import { Field } from '../ui/Field.tsx';
import { PasswordInput } from '../ui/PasswordInput.tsx';
import { PrivateKeyFields } from '../wizard/PrivateKeyFields.tsx';

export interface SecretsFormProps {
  readonly wanted: Plan['secrets'];
  readonly action: string;
  readonly isBusy: boolean;
  readonly error: string;
  readonly onSubmit: (secrets: Record<string, string>) => void;
}

export function SecretsForm({ wanted, action, isBusy, error, onSubmit }: SecretsFormProps): ReactElement {
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [isShared, setIsShared] = useState(true);
  // Nodes may lack a password and others a key: each kind has its fields.
  const groups = [...Map.groupBy(wanted, ({ name }) => forAllNodes(name)).values()];
  const hasShared = groups.some((group) => group.length > 1);
  const fields = groups.flatMap((group) =>
    isShared
      ? group.slice(0, 1).map((secret) => ({ secret, group }))
      : group.map((secret) => ({ secret, group: [secret] })),
  );
  const isComplete = fields.every(({ secret }) => (values[secret.name] ?? '') !== '');
  const set = (name: string, value: string) => {
    setValues({ ...values, [name]: value });
  };
  return (
    <form
      autoComplete="off"
      className="flex max-w-120 flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isComplete || isBusy) return;
        const given: Record<string, string> = {};
        for (const { secret, group } of fields) {
          for (const { name } of group) {
            given[name] = values[secret.name] ?? '';
            const passphrase = values[passphraseName(secret.name)] ?? '';
            if (isKeyName(name) && passphrase !== '') given[passphraseName(name)] = passphrase;
          }
        }
        onSubmit(given);
        setValues({});
      }}
    >
      {hasShared ? <Checkbox checked={isShared} onCheckedChange={setIsShared} label="The same on all of them" /> : null}
      {fields.map(({ secret, group }, at) => {
        const nodes = describeRange(group.map(({ node, name }) => node || name));
        return isKeyName(secret.name) ? (
          <PrivateKeyFields
            key={secret.name}
            user={userOf(secret.name)}
            where={` on ${nodes}`}
            secrets={values}
            names={{ key: secret.name, passphrase: passphraseName(secret.name) }}
            onChange={set}
            issue={(name) => (at === 0 && name === secret.name ? error : '')}
          />
        ) : (
          <Field
            key={secret.name}
            label={group.length > 1 ? `Password of ${userOf(secret.name)} on ${nodes}` : secret.label}
            error={at === 0 ? error : ''}
          >
            <PasswordInput
              value={values[secret.name] ?? ''}
              onValueChange={(value) => {
                set(secret.name, value);
              }}
            />
          </Field>
        );
      })}
      <div>
        <Button variant="primary" type="submit" isBusy={isBusy} disabledReason={isComplete ? '' : 'Type it first.'}>
          {action}
        </Button>
      </div>
    </form>
  );
}
