'use client';
// Tokens of the reader for the meshdeck command. A token is shown once, when it is made.
import { useState, type ReactElement } from 'react';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useNow } from '../../lib/use-console.ts';
import { useAction } from '../actions/use-action.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { Button } from '../ui/Button.tsx';
import { CommandLine } from '../ui/CommandLine.tsx';
import { Field } from '../ui/Field.tsx';
import { Input } from '../ui/Input.tsx';
import { Notice } from '../ui/Notice.tsx';
import { Panel } from '../ui/Panel.tsx';

export function TokensPanel(): ReactElement {
  const { data: tokens, error, reload } = useLoaded('tokens', (client) => client.call('tokens.list', {}));
  const action = useAction();
  const now = useNow(30_000);
  const [name, setName] = useState('');
  const [made, setMade] = useState<{ name: string; token: string } | null>(null);
  const make = () =>
    void action
      .run(async (client) => {
        const { token } = await client.call('tokens.create', { name: name.trim() });
        setMade({ name: name.trim(), token });
        setName('');
      })
      .then(reload);
  return (
    <Panel title="Tokens for meshdeck" isFlush>
      <div className="flex flex-col gap-3 border-b p-4">
        <p className="text-fg-2">
          With a token the meshdeck command and other programs (tab HTTP API) talk to this console, as you and with your
          role.
        </p>
        {[error, action.error].filter(Boolean).map((text) => (
          <Notice key={text} state="bad" role="alert">
            {text}
          </Notice>
        ))}
        {made === null ? null : (
          <Notice
            state="ok"
            role="status"
            title={`The token ${made.name}. It is not shown again.`}
            action={
              <Button
                size="sm"
                onClick={() => {
                  setMade(null);
                }}
              >
                I have it
              </Button>
            }
          >
            <CommandLine command={made.token} label="Copy token" />
          </Notice>
        )}
        <form
          className="flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== '' && !action.isBusy) make();
          }}
        >
          <Field label="Name of a new token" className="max-w-60 flex-1 basis-44">
            <Input
              maxLength={64}
              placeholder="laptop"
              value={name}
              onChange={(event) => {
                setName(event.target.value);
              }}
            />
          </Field>
          <Button type="submit" isBusy={action.isBusy} disabledReason={name.trim() === '' ? 'Name it first.' : ''}>
            Make token
          </Button>
        </form>
      </div>
      {tokens === null || tokens.length === 0 ? null : (
        <ul>
          {tokens.map((token) => (
            <li
              key={token.id}
              className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b px-4 py-2 last:border-b-0"
            >
              <span className="min-w-0 flex-1 basis-40 font-medium break-words">{token.name}</span>
              <span className="text-sm text-fg-2" title={formatInstant(token.createdAt)}>
                made {formatAgo(token.createdAt, now)}
              </span>
              <span className="text-sm text-fg-3">
                {token.lastUsedAt === null ? 'never used' : `used ${formatAgo(token.lastUsedAt, now)}`}
              </span>
              <Button
                size="sm"
                variant="ghost"
                isBusy={action.isBusy}
                onClick={() =>
                  void action
                    .run(async (client) => {
                      await client.call('tokens.revoke', { token: token.id });
                    })
                    .then(reload)
                }
              >
                Revoke
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
