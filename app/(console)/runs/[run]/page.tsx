import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { RunPage } from '../../../../components/runs/RunPage.tsx';

export const metadata: Metadata = { title: 'Run' };

export default async function Page({ params }: { params: Promise<{ run: string }> }): Promise<ReactElement> {
  const { run } = await params;
  return <RunPage id={decodeURIComponent(run)} />;
}
