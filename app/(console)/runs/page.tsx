import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { RunsPage } from '../../../components/runs/RunsPage.tsx';

export const metadata: Metadata = { title: 'Runs' };

export default function Page(): ReactElement {
  return <RunsPage />;
}
