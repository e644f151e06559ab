'use client';
// Makes the first admin with the one-time link that the server printed at its first start.
import { useState } from 'react';
import type { ReactElement, SyntheticEvent } from 'react';
import { httpPaths } from '../../contract/http-paths.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { postForm } from './post-form.ts';

/** The server answers with it when the link was used or is too old. */
const goneStatus = 410;

export function FirstAdminForm({ token }: { token: string }): ReactElement {
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [failure, setFailure] = useState<{ status: number; message: string } | null>(null);
  const [isBusy, setIsBusy] = useState(false);

  async function submit(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    const { SetupRequest } = await import('../../contract/http.ts');
    const request = SetupRequest.safeParse({ token, name: name.trim(), email: email.trim(), password });
    const wrong: Record<string, string> = {};
    for (const issue of request.error?.issues ?? [])
      wrong[String(issue.path[0])] = fieldErrors[String(issue.path[0])] ?? issue.message;
    if (password !== again) wrong['again'] = 'The two passwords differ: type the same one twice.';
    setErrors(wrong);
    if (Object.keys(wrong).length > 0) return;
    setIsBusy(true);
    setFailure(null);
    const result = await postForm(httpPaths.createFirstAdmin, request.data);
    if (result.ok) {
      window.location.assign('/');
      return;
    }
    setIsBusy(false);
    setFailure(result);
  }

  if (token === '' || failure?.status === goneStatus) {
    return (
      <div className="flex flex-col gap-4">
        <Notice state="bad" role="alert" title="This link no longer works">
          {failure?.message ?? 'It has no token in it.'} Get a new one as root on the console&apos;s machine:
        </Notice>
        <CommandLine command="meshdeck admin reset" />
      </div>
    );
  }

  return (
    <form className="flex flex-col gap-4" noValidate onSubmit={(event) => void submit(event)}>
      {failure === null ? null : (
        <Notice state="bad" role="alert">
          {failure.message}
        </Notice>
      )}
      <Field label="Your name" name="name" error={errors['name']} hint="As others see it in runs and in the audit log.">
        <Input autoFocus autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label="Email" name="email" error={errors['email']} hint="To sign in with. Nothing is sent to it.">
        <Input type="email" autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} />
      </Field>
      <Field label="Password" name="password" error={errors['password']} hint="12 characters or more.">
        <Input
          type="password"
          autoComplete="new-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
      <Field label="Password again" name="again" error={errors['again']}>
        <Input
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={(event) => setAgain(event.target.value)}
        />
      </Field>
      <Button type="submit" variant="primary" isBusy={isBusy} className="mt-1 h-9">
        Make me the admin
      </Button>
    </form>
  );
}

const fieldErrors: Readonly<Record<string, string>> = {
  name: 'Type a name of 1 to 64 characters.',
  email: 'Type an address with an @, such as ann@example.org or root@node1.',
  password: 'Use 12 to 256 characters.',
};
