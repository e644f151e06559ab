'use client';
// The first login, before the console has a key on the machine: user, port, and a password or a private key.
import type { ReactElement } from 'react';
import { Field } from '../ui/Field.tsx';
import { PasswordInput } from '../ui/PasswordInput.tsx';
import { Segmented } from '../ui/Segmented.tsx';
import { isByKey } from './first-login.ts';
import { textOf } from './form-values.ts';
import { PrivateKeyFields } from './PrivateKeyFields.tsx';
import { TextField } from './TextField.tsx';
import type { PageProps } from './wizard.ts';

export interface FirstLoginProps {
  readonly page: PageProps;
  readonly passwordHint: string;
}

export function FirstLogin({ page, passwordHint }: FirstLoginProps): ReactElement {
  const { form, secrets, set, setSecret, issue } = page;
  const user = textOf(form, 'user');
  const isKey = isByKey(form);
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
        <TextField page={page} name="user" label="User" autoComplete="off" />
        <TextField page={page} name="port" label="SSH port" inputMode="numeric" />
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="text-sm font-medium text-fg-2">Log in by</span>
        <Segmented
          label="Log in by"
          value={isKey ? 'key' : 'password'}
          onValueChange={(way) => {
            set('login', way);
          }}
          options={[
            { value: 'password', label: 'Password' },
            { value: 'key', label: 'Private key' },
          ]}
        />
      </div>
      {isKey ? (
        <PrivateKeyFields
          user={user}
          secrets={secrets}
          names={{ key: 'key', passphrase: 'passphrase' }}
          onChange={setSecret}
          issue={issue}
        />
      ) : null}
      {isKey && user === 'root' ? null : (
        <Field
          label={
            isKey ? `Password of ${user} for sudo` : `Password of ${user}${user === 'root' ? '' : ', also for sudo'}`
          }
          name="password"
          error={issue('password')}
          hint={isKey ? 'Leave it empty where sudo asks for none. In memory only, until the run ends.' : passwordHint}
        >
          <PasswordInput
            value={secrets['password'] ?? ''}
            onValueChange={(value) => {
              setSecret('password', value);
            }}
          />
        </Field>
      )}
    </>
  );
}
