import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { NodesPage } from '../../../components/nodes/NodesPage.tsx';

export const metadata: Metadata = { title: 'Nodes' };

export default function NodesRoute(): ReactElement {
  return <NodesPage />;
}
