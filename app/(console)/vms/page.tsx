import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { VmsPage } from '../../../components/vms/VmsPage.tsx';

export const metadata: Metadata = { title: 'VMs' };

export default function VmsRoute(): ReactElement {
  return <VmsPage />;
}
