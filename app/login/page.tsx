import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { AuthPage } from '../../components/auth/AuthPage.tsx';
import { LoginForm } from '../../components/auth/LoginForm.tsx';

export const metadata: Metadata = { title: 'Sign in' };

type Query = Promise<Record<string, string | string[] | undefined>>;

export default async function LoginPage({ searchParams }: { searchParams: Query }): Promise<ReactElement> {
  const { next } = await searchParams;
  return (
    <AuthPage title="Sign in">
      <LoginForm next={typeof next === 'string' ? next : undefined} />
    </AuthPage>
  );
}
