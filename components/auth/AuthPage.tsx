// The frame of the pages before a session: login and the first admin.
import { headers } from 'next/headers';
import type { ReactElement, ReactNode } from 'react';
import { simulatedHeader } from '../../contract/http-paths.ts';
import { Mark } from '../frame/Mark.tsx';
import { SimulatedNotice } from '../frame/SimulatedNotice.tsx';

export interface AuthPageProps {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
}

export async function AuthPage({ title, lead, children }: AuthPageProps): Promise<ReactElement> {
  const isSimulated = (await headers()).has(simulatedHeader);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-4 py-12">
      {isSimulated ? (
        <div className="fixed inset-x-0 top-0">
          <SimulatedNotice />
        </div>
      ) : null}
      <div className="w-full max-w-90">
        <div className="mb-8 flex items-center gap-2.5">
          <Mark className="size-7 text-accent" />
          <span className="text-lg font-semibold tracking-tight">Meshdeck</span>
        </div>
        <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
        {lead === undefined ? null : <div className="mt-2 text-fg-2">{lead}</div>}
        <div className="mt-6">{children}</div>
      </div>
    </main>
  );
}
