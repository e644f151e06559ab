'use client';
// A new password for a user who lost theirs, to be handed over.
import { useState, type ReactElement } from 'react';
import type { BrowserMethods } from '../../contract/browser.ts';
import type { User } from '../../contract/browser/users.ts';
import { useAction } from '../actions/use-action.ts';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { minPasswordLength } from './roles.ts';

export interface SetPasswordDialogProps {
  /** Null: closed. */
  readonly user: User | null;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

export function SetPasswordDialog({ user, onClose, onDone }: SetPasswordDialogProps): ReactElement {
  const action = useAction();
  const [password, setPassword] = useState('');
  // From the first try on, each change is judged.
  const [schema, setSchema] = useState<BrowserMethods['users.setPassword']['input'] | null>(null);
  const form = { user: user?.id ?? '', password };
  const close = () => {
    // A password does not stay in memory for the next time.
    setPassword('');
    setSchema(null);
    action.clear();
    onClose();
  };
  const submit = async () => {
    await action.run(async (client) => {
      const { userMethods } = await import('../../contract/browser/users.ts');
      const { input: tried } = userMethods['users.setPassword'];
      setSchema(tried);
      const parsed = tried.safeParse(form);
      if (!parsed.success) return;
      await client.call('users.setPassword', parsed.data);
      close();
      onDone();
    });
  };
  return (
    <Dialog
      open={user !== null}
      onOpenChange={(isOpen) => {
        if (!isOpen) close();
      }}
      title={`New password for ${user?.name ?? ''}`}
      description="Their sessions and tokens end at once; their role stays."
      size="sm"
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button variant="primary" type="submit" form="set-password" isBusy={action.isBusy}>
            Set password
          </Button>
        </>
      }
    >
      <form
        id="set-password"
        autoComplete="off"
        className="flex flex-col gap-3"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {action.error === '' ? null : (
          <Notice state="bad" role="alert">
            {action.error}
          </Notice>
        )}
        <Field
          label="New password"
          error={
            schema?.safeParse(form).success === false ? `At least ${minPasswordLength} characters, 256 at most` : ''
          }
          hint={`At least ${minPasswordLength} characters. Meshdeck does not send it: give it to the user, who can change it.`}
        >
          <Input
            type="password"
            autoComplete="new-password"
            value={password}
            onChange={(event) => {
              setPassword(event.target.value);
            }}
          />
        </Field>
      </form>
    </Dialog>
  );
}
