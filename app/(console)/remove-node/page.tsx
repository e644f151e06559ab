import type { Metadata } from 'next';
import type { ReactElement } from 'react';
import { RemoveNodeWizard } from '../../../components/wizard/ManageWizards.tsx';

export const metadata: Metadata = { title: 'Remove node' };

export default function Page(): ReactElement {
  return <RemoveNodeWizard />;
}
