import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { AddNodesWizard } from '../../../components/wizard/AddNodesWizard.tsx';

export const metadata: Metadata = { title: 'Add nodes' };

export default function Page(): ReactElement {
  return <AddNodesWizard />;
}
