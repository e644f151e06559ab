'use client';
// Where the reader is logged in, and the way out everywhere else.
import type { ReactElement } from 'react';
import { formatAgo, formatInstant } from '../../lib/format.ts';
import { useNow } from '../../lib/use-console.ts';
import { useAction } from '../actions/use-action.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { describeAgent } from './describe-agent.ts';
import { ListPanel } from './ListPanel.tsx';

export function SessionsPanel(): ReactElement {
  const { data: sessions, error, reload } = useLoaded('sessions', (client) => client.call('sessions.list', {}));
  const action = useAction();
  const now = useNow(30_000);
  const others = (sessions ?? []).filter(({ isCurrent }) => !isCurrent).length;
  return (
    <ListPanel
      title="Your sessions"
      actions={
        <Button
          size="sm"
          isBusy={action.isBusy}
          disabledReason={others === 0 ? 'You are logged in here only.' : ''}
          onClick={() =>
            void action
              .run(async (client) => {
                await client.call('sessions.revokeOthers', {});
              })
              .then(reload)
          }
        >
          Log out everywhere else
        </Button>
      }
      items={sessions}
      errors={[error, action.error]}
      skeletons={2}
      keyOf={({ id }) => id}
      renderRow={(session) => (
        <>
          <span className="min-w-0 flex-1 basis-52">
            <span className="flex items-center gap-2">
              <span className="min-w-0 truncate" title={session.agent}>
                {describeAgent(session.agent)}
              </span>
              {session.isCurrent ? <Badge>this one</Badge> : null}
            </span>
            <span className="block font-mono text-sm text-fg-3">{session.address}</span>
          </span>
          <span className="text-sm text-fg-2" title={formatInstant(session.createdAt)}>
            since {formatAgo(session.createdAt, now)}
          </span>
          <span className="text-sm text-fg-3">ends {formatInstant(session.expiresAt)}</span>
        </>
      )}
    />
  );
}
