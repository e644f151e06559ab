import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { VlansPage } from '../../../components/vlans/VlansPage.tsx';

export const metadata: Metadata = { title: 'VLANs' };

export default function VlansRoute(): ReactElement {
  return <VlansPage />;
}
