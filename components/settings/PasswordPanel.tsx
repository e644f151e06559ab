'use client';
// The reader's own password, changed with the present one.
import { useState, type ReactElement } from 'react';
import type { BrowserMethods } from '../../contract/browser.ts';
import { AppError } from '../../contract/errors.ts';
import { useAction } from '../actions/use-action.ts';
import { Button } from '../ui/Button.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';
import { minPasswordLength } from './roles.ts';

const blank = { old: '', password: '', again: '' };

export function PasswordPanel({ email }: { email: string }): ReactElement {
  const action = useAction();
  const [form, setForm] = useState(blank);
  // From the first try on, each change is judged. The schemas load then, not with the page.
  const [schema, setSchema] = useState<BrowserMethods['session.changePassword']['input'] | null>(null);
  /** What the server says of the present password. */
  const [refusal, setRefusal] = useState('');
  const [isChanged, setIsChanged] = useState(false);
  const issues = schema?.safeParse(form).error?.issues ?? [];
  const isFine = (field: keyof typeof blank) => !issues.some(({ path }) => path[0] === field);
  const differs = form.password !== form.again;
  const submit = async () => {
    setIsChanged(false);
    setRefusal('');
    await action.run(async (client) => {
      const { userMethods } = await import('../../contract/browser/users.ts');
      const { input: tried } = userMethods['session.changePassword'];
      setSchema(tried);
      const parsed = tried.safeParse(form);
      if (!parsed.success || differs) return;
      try {
        await client.call('session.changePassword', parsed.data);
      } catch (error) {
        if (!(error instanceof AppError) || error.detail?.['field'] !== 'old') throw error;
        setRefusal(error.message);
        return;
      }
      setForm(blank);
      setSchema(null);
      setIsChanged(true);
    });
  };
  const input = (field: keyof typeof blank) => ({
    type: 'password',
    autoComplete: field === 'old' ? 'current-password' : 'new-password',
    value: form[field],
    onChange: (event: { target: { value: string } }) => {
      setForm({ ...form, [field]: event.target.value });
    },
  });
  return (
    <Panel title="Your password">
      <form
        className="flex max-w-100 flex-col gap-3"
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
        {isChanged ? (
          <Notice state="ok" role="status">
            Changed. Your other sessions have ended; tokens stay: revoke those that you do not know.
          </Notice>
        ) : null}
        {/* Password managers ask whose it is. */}
        <input type="email" autoComplete="username" value={email} readOnly hidden />
        <Field label="Present password" error={isFine('old') ? refusal : 'Type the password that you log in with.'}>
          <Input {...input('old')} />
        </Field>
        <Field
          label="New password"
          error={isFine('password') ? '' : `At least ${minPasswordLength} characters, 256 at most`}
          hint={`At least ${minPasswordLength} characters.`}
        >
          <Input {...input('password')} />
        </Field>
        <Field
          label="New password again"
          error={schema !== null && differs ? 'The two passwords differ: type the same one twice.' : ''}
        >
          <Input {...input('again')} />
        </Field>
        <Button type="submit" className="self-start" isBusy={action.isBusy}>
          Change password
        </Button>
      </form>
    </Panel>
  );
}
