'use client';
// A private key, pasted or read from a file on the reader's machine, and its passphrase. It goes to the console with the form,
// and is in memory only there.
import { FileKey2 } from 'lucide-react';
import { useRef, useState, type ReactElement } from 'react';
import { maxSecretLength } from '../../contract/limits.ts';
import { Button } from '../ui/Button.tsx';
import { Field } from '../ui/Field.tsx';
import { PasswordInput } from '../ui/PasswordInput.tsx';
import { Textarea } from '../ui/Textarea.tsx';
import type { SecretValues } from './wizard-state.ts';

export interface PrivateKeyFieldsProps {
  readonly user: string;
  /** For which nodes; empty: what the page says. */
  readonly where?: string;
  readonly secrets: SecretValues;
  /** Where key and passphrase stand in `secrets`. */
  readonly names: { readonly key: string; readonly passphrase: string };
  readonly onChange: (name: string, value: string) => void;
  readonly issue: (name: string) => string;
}

export function PrivateKeyFields(props: PrivateKeyFieldsProps): ReactElement {
  const { user, where = '', secrets, names, onChange, issue } = props;
  const file = useRef<HTMLInputElement>(null);
  const [fileIssue, setFileIssue] = useState('');
  const read = async (chosen: File | undefined) => {
    if (!chosen) return;
    // Someone picks the wrong file sooner or later: a disk image must not be read into the page.
    if (chosen.size > maxSecretLength) setFileIssue(`${chosen.name} is too large for a private key.`);
    else {
      setFileIssue('');
      onChange(names.key, await chosen.text());
    }
  };
  return (
    <>
      <Field
        label={`Private key of ${user}${where}`}
        name={names.key}
        error={issue(names.key) || fileIssue}
        hint="As in ~/.ssh/id_ed25519, in OpenSSH's format or PEM. In memory only, until the run ends: it is stored nowhere."
      >
        <Textarea
          isMono
          rows={5}
          autoComplete="off"
          placeholder={'-----BEGIN OPENSSH PRIVATE KEY-----\n…'}
          value={secrets[names.key] ?? ''}
          onChange={(event) => {
            setFileIssue('');
            onChange(names.key, event.target.value);
          }}
        />
      </Field>
      <div>
        <input
          ref={file}
          type="file"
          hidden
          onChange={(event) => {
            void read(event.target.files?.[0]);
            event.target.value = '';
          }}
        />
        <Button
          size="sm"
          icon={<FileKey2 className="size-4" />}
          onClick={() => {
            file.current?.click();
          }}
        >
          Choose its file…
        </Button>
      </div>
      <Field
        label="Passphrase of the key"
        name={names.passphrase}
        error={issue(names.passphrase)}
        hint="Leave it empty if the key has none."
      >
        <PasswordInput
          value={secrets[names.passphrase] ?? ''}
          onValueChange={(value) => {
            onChange(names.passphrase, value);
          }}
        />
      </Field>
    </>
  );
}
