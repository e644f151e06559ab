'use client';
// Who looks: name, role, and whether the nodes are simulated. Asked once per connection and shared by the whole page.
import { createContext, useContext, useEffect, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { BrowserMethods } from '../../contract/browser.ts';
import { httpPaths } from '../../contract/http-paths.ts';
import type { OutputOf } from '../../contract/method.ts';
import { isAtLeast } from '../../contract/role-order.ts';
import type { Role } from '../../contract/roles.ts';
import type { RunSummary } from '../../contract/plans.ts';
import { planKinds } from '../../core/plans/kinds.ts';
import { type PlanKindFacts, roleOfKind } from '../../core/plans/plan-kind.ts';
import { useConnection, useConsole } from '../../lib/use-console.ts';

export type Session = OutputOf<BrowserMethods['session.current']>;

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }): ReactElement {
  const client = useConsole()?.client ?? null;
  const { state } = useConnection();
  const [session, setSession] = useState<Session | null>(null);
  useEffect(() => {
    if (!client) return;
    return client.onConnected(() => {
      // Without an answer the page keeps what it knew; the next connection asks again.
      client.call('session.current', {}).then(setSession, () => undefined);
    });
  }, [client]);
  useEffect(() => {
    // The login comes back to where the reader was.
    if (state === 'ended') window.location.assign(loginPath());
  }, [state]);
  return <SessionContext value={session}>{children}</SessionContext>;
}

/** Null until the server said it. */
export function useSession(): Session | null {
  return useContext(SessionContext);
}

/** Why the reader's role may not do what needs `least`; empty when it may, or while the role is not known yet. */
export function useRefusal(least: Role): string {
  const session = useSession();
  if (session === null || isAtLeast(session.user.role, least)) return '';
  return `Needs the role ${least}; yours is ${session.user.role}.`;
}

/** Why the reader's role may not have a plan of this kind; empty when it may, or while the role is not known yet. */
export function usePlanRefusal({ role }: Pick<PlanKindFacts, 'role'>): string {
  return useRefusal(role);
}

/** Why the reader's role may not act on this run; empty as above. */
export function useRunRefusal({ kind }: Pick<RunSummary, 'kind'>): string {
  return useRefusal(roleOfKind(planKinds, kind));
}

export function loginPath(): string {
  const here = `${window.location.pathname}${window.location.search}`;
  return `${httpPaths.login}?next=${encodeURIComponent(here)}`;
}
