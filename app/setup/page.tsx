import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { AuthPage } from '../../components/auth/AuthPage.tsx';
import { FirstAdminForm } from '../../components/auth/FirstAdminForm.tsx';

// The token is in the URL: no page that is opened from here may learn it.
export const metadata: Metadata = { title: 'An admin', referrer: 'no-referrer' };

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function SetupPage({ searchParams }: { searchParams: Query }): Promise<ReactElement> {
  const { token } = await searchParams;
  return (
    <AuthPage title="Make an admin" lead="This link works once. An admin may do everything, and adds the other users.">
      <FirstAdminForm token={typeof token === 'string' ? token : ''} />
    </AuthPage>
  );
}
