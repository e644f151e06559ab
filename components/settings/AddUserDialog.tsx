'use client';
// A new user: name, e-mail, role, and a first password to hand over.
import { useState, type ReactElement } from 'react';
import type { BrowserMethods } from '../../contract/browser.ts';
import type { Role } from '../../contract/roles.ts';
import { useAction } from '../actions/use-action.ts';
import { Button } from '../ui/Button.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Select } from '../ui/Select.tsx';
import { minPasswordLength, roleOptions } from './roles.ts';

export interface AddUserDialogProps {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly onAdded: () => void;
}

const blank = { name: '', email: '', password: '' };

export function AddUserDialog({ open, onOpenChange, onAdded }: AddUserDialogProps): ReactElement {
  const action = useAction();
  const [form, setForm] = useState(blank);
  const [role, setRole] = useState<Role>('viewer');
  // From the first try on, each change is judged.
  const [schema, setSchema] = useState<BrowserMethods['users.create']['input'] | null>(null);
  const issues = schema?.safeParse({ ...form, role }).error?.issues ?? [];
  const issue = (field: keyof typeof blank): string => {
    if (!issues.some(({ path }) => path[0] === field)) return '';
    if (field === 'email') return 'An address with an @, such as ann@example.org or root@node1';
    return field === 'name' ? 'A name, 64 characters at most' : `At least ${minPasswordLength} characters`;
  };
  const close = () => {
    // A password does not stay in memory for the next time.
    setForm(blank);
    setSchema(null);
    action.clear();
    onOpenChange(false);
  };
  const submit = async () => {
    await action.run(async (client) => {
      const { userMethods } = await import('../../contract/browser/users.ts');
      const { input: tried } = userMethods['users.create'];
      setSchema(tried);
      const parsed = tried.safeParse({ ...form, role });
      if (!parsed.success) return;
      await client.call('users.create', parsed.data);
      close();
      onAdded();
    });
  };
  const input = (field: keyof typeof blank) => ({
    value: form[field],
    onChange: (event: { target: { value: string } }) => {
      setForm({ ...form, [field]: event.target.value });
    },
  });
  return (
    <Dialog
      open={open}
      onOpenChange={(isOpen) => {
        if (!isOpen) close();
      }}
      title="Add user"
      size="sm"
      footer={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button variant="primary" type="submit" form="add-user" isBusy={action.isBusy}>
            Add user
          </Button>
        </>
      }
    >
      <form
        id="add-user"
        autoComplete="off"
        className="flex flex-col gap-3"
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
        <Field label="Name" error={issue('name')}>
          <Input autoComplete="off" {...input('name')} />
        </Field>
        <Field label="E-mail" error={issue('email')} hint="What they log in with.">
          <Input type="email" autoComplete="off" {...input('email')} />
        </Field>
        <Field label="Role">
          <Select<Role> value={role} onValueChange={setRole} options={roleOptions} />
        </Field>
        <Field
          label="First password"
          error={issue('password')}
          hint={`At least ${minPasswordLength} characters. Meshdeck does not send it: give it to the user yourself.`}
        >
          <Input type="password" autoComplete="new-password" {...input('password')} />
        </Field>
      </form>
    </Dialog>
  );
}
