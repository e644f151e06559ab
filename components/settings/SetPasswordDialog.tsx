'use client';
// A new password for a user who lost theirs, to be handed over.
import { useState, type ReactElement } from 'react';
import { browserMethods } from '../../contract/browser.ts';
import { type User } from '../../contract/browser/users.ts';
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
  const [hasTried, setHasTried] = useState(false);
  const parsed = browserMethods['users.setPassword'].input.safeParse({ user: user?.id ?? '', password });
  const close = () => {
    // A password does not stay in memory for the next time.
    setPassword('');
    setHasTried(false);
    action.clear();
    onClose();
  };
  const submit = () => {
    setHasTried(true);
    if (!parsed.success) return;
    void action
      .run(async (client) => {
        await client.call('users.setPassword', parsed.data);
      })
      .then((isDone) => {
        if (!isDone) return;
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
          submit();
        }}
      >
        {action.error === '' ? null : (
          <Notice state="bad" role="alert">
            {action.error}
          </Notice>
        )}
        <Field
          label="New password"
          error={hasTried && !parsed.success ? `At least ${minPasswordLength} characters, 256 at most` : ''}
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
