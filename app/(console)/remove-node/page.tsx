import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { RemoveNodesWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: 'Remove nodes' };

export default function Page(): ReactElement {
  return <RemoveNodesWizard />;
}
