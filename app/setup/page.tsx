import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { AuthPage } from '../../components/auth/AuthPage.tsx';
import { FirstAdminForm } from '../../components/auth/FirstAdminForm.tsx';

// The token is in the URL: no page that is opened from here may learn it.
export const metadata: Metadata = { title: 'First admin', referrer: 'no-referrer' };

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function SetupPage({ searchParams }: { searchParams: Query }): Promise<ReactElement> {
  const { token } = await searchParams;
  return (
    <AuthPage
      title="Make the first admin"
      lead="This console has no users yet. The one made here may do everything, and adds the others."
    >
      <FirstAdminForm token={typeof token === 'string' ? token : ''} />
    </AuthPage>
  );
}
