'use client';
// The login. The server says what is wrong and until when a name is locked; the form shows its words.
import { useState } from 'react';
import type { ReactElement, SyntheticEvent } from 'react';
import { httpPaths } from '../../contract/http-paths.ts';
import { Button } from '../ui/Button.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { postForm, safeNext } from './post-form.ts';

export function LoginForm({ next }: { next: string | undefined }): ReactElement {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState('');
  const [isBusy, setIsBusy] = useState(false);

  async function submit(event: SyntheticEvent): Promise<void> {
    event.preventDefault();
    setIsBusy(true);
    setError('');
    const result = await postForm(httpPaths.signIn, { email, password });
    if (result.ok) {
      // A whole load: the session's cookie must be there for the page and for the socket.
      window.location.assign(safeNext(next));
      return;
    }
    setIsBusy(false);
    setPassword('');
    setError(result.message);
  }

  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => void submit(event)}>
      {error === '' ? null : (
        <Notice state="bad" role="alert">
          {error}
        </Notice>
      )}
      <Field label="Email" name="email">
        <Input
          type="email"
          required
          autoFocus
          autoComplete="username"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
      </Field>
      <Field label="Password" name="password">
        <Input
          type="password"
          required
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
      <Button type="submit" variant="primary" isBusy={isBusy} className="mt-1 h-9">
        Sign in
      </Button>
      <p className="text-sm text-fg-3">
        No way in? <code className="font-mono">meshdeck admin reset</code>, as root on the console&apos;s machine,
        prints a new link for an admin.
      </p>
    </form>
  );
}
