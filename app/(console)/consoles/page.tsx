import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { WallPage } from '../../../components/screens/WallPage.tsx';

export const metadata: Metadata = { title: 'Consoles' };

export default function ConsolesRoute(): ReactElement {
  return <WallPage />;
}
