'use client';
// Who may log in, and as what. The last admin stays one: the server refuses, and says so.
import { UserPlus } from 'lucide-react';
import { useState, type ReactElement } from 'react';
import type { User } from '../../contract/browser/users.ts';
import type { Role } from '../../contract/roles.ts';
import { formatInstant } from '../../lib/format.ts';
import { useAction } from '../actions/use-action.ts';
import { useLoaded } from '../actions/use-loaded.ts';
import { Badge } from '../ui/Badge.tsx';
import { Button } from '../ui/Button.tsx';
import { ConfirmDialog } from '../ui/ConfirmDialog.tsx';
import { Select } from '../ui/Select.tsx';
import { StateMark } from '../ui/StateMark.tsx';
import { AddUserDialog } from './AddUserDialog.tsx';
import { ListPanel } from './ListPanel.tsx';
import { SetPasswordDialog } from './SetPasswordDialog.tsx';
import { roleOptions } from './roles.ts';

export function UsersPanel({ me }: { me: string }): ReactElement {
  const { data: users, error, reload } = useLoaded('users', (client) => client.call('users.list', {}));
  const action = useAction();
  const [isAdding, setIsAdding] = useState(false);
  const [leaving, setLeaving] = useState<User | null>(null);
  const [forgetful, setForgetful] = useState<User | null>(null);
  const setRole = (user: User, role: Role) =>
    void action
      .run(async (client) => {
        await client.call('users.setRole', { user: user.id, role });
      })
      .then(reload);
  return (
    <ListPanel
      title="Users"
      actions={
        <Button
          size="sm"
          icon={<UserPlus className="size-4" />}
          onClick={() => {
            setIsAdding(true);
          }}
        >
          Add user
        </Button>
      }
      items={users}
      errors={[error, action.error]}
      skeletons={3}
      keyOf={({ id }) => id}
      renderRow={(user) => (
        <>
          <span className="min-w-0 flex-1 basis-52">
            <span className="flex items-center gap-2 font-medium">
              <span className="min-w-0 truncate">{user.name}</span>
              {user.id === me ? <Badge>you</Badge> : null}
              {user.lockedUntil !== null && user.lockedUntil > Date.now() ? (
                <StateMark state="warn" className="text-sm font-normal">
                  wrong passwords: new addresses wait until {formatInstant(user.lockedUntil)}
                </StateMark>
              ) : null}
            </span>
            <span className="block truncate text-sm text-fg-3">{user.email}</span>
          </span>
          <div className="w-36">
            <Select<Role>
              aria-label={`Role of ${user.name}`}
              value={user.role}
              disabled={action.isBusy}
              onValueChange={(role) => {
                if (role !== user.role) setRole(user, role);
              }}
              options={roleOptions}
            />
          </div>
          <div className="flex">
            <Button
              size="sm"
              variant="ghost"
              disabledReason={user.id === me ? 'Change your own under Account.' : ''}
              onClick={() => {
                setForgetful(user);
              }}
            >
              New password…
            </Button>
            <Button
              size="sm"
              variant="ghost"
              disabledReason={user.id === me ? 'You cannot remove yourself: another admin can.' : ''}
              onClick={() => {
                setLeaving(user);
              }}
            >
              Remove…
            </Button>
          </div>
        </>
      )}
    >
      <AddUserDialog open={isAdding} onOpenChange={setIsAdding} onAdded={() => void reload()} />
      <SetPasswordDialog
        user={forgetful}
        onClose={() => {
          setForgetful(null);
        }}
        onDone={() => void reload()}
      />
      <ConfirmDialog
        open={leaving !== null}
        onOpenChange={(isOpen) => {
          if (!isOpen) setLeaving(null);
        }}
        title={`Remove ${leaving?.name ?? ''}`}
        name={leaving?.email ?? ''}
        action="Remove user"
        consequences={[
          'Their sessions and tokens end at once.',
          'Runs that they started continue; the audit log keeps what they did.',
        ]}
        onConfirm={async () => {
          if (!leaving) return;
          let failure = '';
          await action.run(async (client) => {
            try {
              await client.call('users.remove', { user: leaving.id });
            } catch (error_) {
              failure = error_ instanceof Error ? error_.message : String(error_);
              throw error_;
            }
          });
          // The dialog shows it and stays open.
          if (failure !== '') throw new Error(failure);
          await reload();
        }}
      />
    </ListPanel>
  );
}
