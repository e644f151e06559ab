'use client';
// Settings: users and the audit log for admins, the own password, sessions, tokens and the HTTP interface for everybody, keys for those who act.
import type { ReactElement } from 'react';
import { PageHeader } from '../frame/PageHeader.tsx';
import { useSession } from '../frame/use-session.tsx';
import { useUrlState } from '../frame/use-url-state.ts';
import { SkeletonRows } from '../ui/Skeleton.tsx';
import { Tabs } from '../ui/Tabs.tsx';
import { ApiPanel } from './ApiPanel.tsx';
import { AuditLog } from './AuditLog.tsx';
import { KeysPanel } from './KeysPanel.tsx';
import { PasswordPanel } from './PasswordPanel.tsx';
import { SessionsPanel } from './SessionsPanel.tsx';
import { TokensPanel } from './TokensPanel.tsx';
import { UsersPanel } from './UsersPanel.tsx';

const tabNames = ['users', 'sessions', 'keys', 'api', 'audit'] as const;
type Tab = (typeof tabNames)[number];

export function SettingsPage(): ReactElement {
  const session = useSession();
  const url = useUrlState();
  if (session === null) {
    return (
      <>
        <PageHeader title="Settings" />
        <SkeletonRows label="Settings are loading" />
      </>
    );
  }
  const isAdmin = session.user.role === 'admin';
  const wanted = tabNames.find((name) => name === url.get('tab'));
  const tab: Tab = isAdmin ? (wanted ?? 'users') : wanted === 'keys' || wanted === 'api' ? wanted : 'sessions';
  const sessions = {
    value: 'sessions' as const,
    label: 'Account',
    panel: (
      <div className="flex flex-col gap-4">
        <PasswordPanel email={session.user.email} />
        <SessionsPanel />
        <TokensPanel />
      </div>
    ),
  };
  const keys = { value: 'keys' as const, label: 'Keys', panel: <KeysPanel /> };
  const api = { value: 'api' as const, label: 'HTTP API', panel: <ApiPanel /> };
  const tabs = isAdmin
    ? [
        { value: 'users' as const, label: 'Users', panel: <UsersPanel me={session.user.id} /> },
        sessions,
        keys,
        api,
        { value: 'audit' as const, label: 'Audit log', panel: <AuditLog /> },
      ]
    : [sessions, keys, api];
  return (
    <>
      <PageHeader
        title="Settings"
        state={`You are ${session.user.name}, ${session.user.role} · Meshdeck ${session.version}`}
      />
      <div className="min-w-0 px-4 pb-6 md:px-6">
        <Tabs<Tab>
          label="Settings"
          value={tab}
          onValueChange={(next) => {
            url.set({ tab: next, q: null });
          }}
          tabs={tabs}
        />
      </div>
    </>
  );
}
